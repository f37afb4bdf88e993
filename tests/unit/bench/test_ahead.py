from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.limiter_compared.ahead import UNKNOWN, ahead
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
        "Why: some are served out of turn: its p99 is further from its p50."
    )


def test_the_reason_is_that_of_the_policy() -> None:
    scores = [
        made(OURS),
        replace(made(OURS, "sliding", use=0.90), missed=7),
        made("other", use=1.0),
        made("other", "sliding", use=0.95),
    ]

    missed = "other (sliding). Why: gong-ingest gave up slots that it missed (7)."
    forgives = "it leaves no margin, and that policy forgives requests that come too close."
    assert ahead(scores).splitlines() == [
        "- Ahead in use: other (fixed). Why: it leaves no margin, where gong-ingest leaves 1%.",
        f"- Ahead in use: {missed}",
        f"- Ahead in use x share without 429: other (fixed). Why: {forgives}",
        f"- Ahead in use x share without 429: {missed}",
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        ({"rejected": 5}, {"accepted": 80}, "it sends less"),
        ({"rejected": 5}, {}, UNKNOWN),
        ({"commands": 3.0, "missed": 9}, {}, "gong-ingest asks again for slots that it missed (9)"),
        ({"commands": 3.0}, {}, UNKNOWN),
        ({"fairness": 0.5}, {}, UNKNOWN),
        (
            {"p99_s": 3.0, "missed": 9},
            {},
            "who misses a slot of gong-ingest takes one at the end of the queue (9 missed)",
        ),
        ({"p99_s": 3.0}, {"fairness": 0.0}, "a process that gets hardly anything does not show in it"),
        ({"p99_s": 3.0}, {}, UNKNOWN),
    ],
)
def test_no_reason_is_told_that_the_figures_do_not_bear_out(
    ours: dict[str, Any], theirs: dict[str, Any], why: str
) -> None:
    told = ahead([replace(made(OURS), **ours), replace(made("other"), **theirs)])

    assert told.endswith(f" Why: {why}.") or f" Why: {why}.\n" in told


def test_matches_at_a_high_rate_are_shorter_but_no_longer_than_asked_for() -> None:
    tables = pytest.importorskip(
        "bench.limiter_compared.tables", reason="`make bench` installs its libraries"
    )
    slow, fast = tables.ROUNDS

    assert (slow.lasts_s(60.0), fast.lasts_s(60.0), fast.lasts_s(12.0), fast.lasts_s(2.0)) == (
        60.0,
        20.0,
        10.0,
        2.0,
    )


def test_a_difference_too_small_to_mean_anything_is_none() -> None:
    assert "Nobody" in ahead([made(OURS), made("other", use=0.991)])
