from __future__ import annotations

from dataclasses import replace

from bench.limiter_compared.ahead import ahead
from bench.limiter_compared.score import OURS, Match, Score


def made(contender: str, policy: str = "fixed", *, use: float = 0.99) -> Score:
    return Score(
        Match(contender, policy, 3, 1, 60.0),
        use=use,
        accepted=100,
        rejected=0,
        commands=1.0,
        fairness=1.0,
        p50_s=1.0,
        p99_s=2.0,
        missed=0,
    )


def test_nobody_ahead_is_said() -> None:
    assert ahead([made(OURS), made("other")]) == f"Nobody is ahead of {OURS} in anything."


def test_who_is_ahead_is_named_with_policy_and_reason() -> None:
    scores = [
        made(OURS),
        made(OURS, "bucket"),
        made("other"),
        replace(made("other", "bucket"), p50_s=0.1),
        replace(made("third"), p50_s=0.2),
    ]

    assert ahead(scores) == (
        "- Ahead in p50: other (bucket); third (fixed). "
        "Why: some are served out of turn, at the cost of those who wait."
    )


def test_the_reason_is_that_of_the_policy() -> None:
    scores = [
        made(OURS),
        replace(made(OURS, "sliding", use=0.90), missed=7),
        made("other", use=1.0),
        made("other", "sliding", use=0.95),
    ]

    use, *products = ahead(scores).splitlines()

    assert use.startswith("- Ahead in use: other (fixed, sliding). Why: it leaves no margin")
    assert ["(fixed). Why: that policy forgives" in line for line in products] == [True, False]
    assert "(sliding). Why: the machine let 7 slots be missed, and 0 429s came" in products[1]


def test_a_difference_too_small_to_mean_anything_is_none() -> None:
    assert "Nobody" in ahead([made(OURS), made("other", use=0.991)])
