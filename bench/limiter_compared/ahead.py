"""Where somebody is ahead of this project's limiter, and why one may be: said, not left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.limiter_compared.score import OURS, Score

Why = Callable[[Score], str]


@dataclass(frozen=True, slots=True)
class _Figure:
    """Something in which one can be ahead, from which difference on it counts, and why others may lead.

    Attributes:
        why: The reason, from what became of this project's limiter under the policy.
    """

    name: str
    give: Callable[[Score], float]
    counts_from: float
    why: Why


def _because(reason: str) -> Why:
    return lambda _: reason


def _why_product(ours: Score) -> str:
    if ours.match.policy in FORGIVING:
        return "that policy forgives requests that come too close, so a margin buys nothing there"
    return (
        f"the machine let {ours.missed} slots be missed, and {ours.rejected} 429s came because requests were "
        "held up on their way; both cost time here, and others send late without giving up a slot"
    )


# A fixed window and a bucket let requests come close together, as long as there are not too many.
FORGIVING = frozenset({"fixed", "bucket"})
FIGURES = (
    _Figure(
        "use",
        lambda score: score.use,
        0.002,
        _because(
            "it leaves no margin, and a loopback has hardly any jitter; and it sends late what is given up "
            "here"
        ),
    ),
    _Figure(
        "fewer 429s",
        lambda score: -score.rejected,
        1,
        _because("it sends less, or waits longer than it would have to"),
    ),
    _Figure("use x share without 429", lambda score: score.product, 0.002, _why_product),
    _Figure(
        "commands", lambda score: -score.commands, 0.05, _because("it asks only when it will be granted")
    ),
    _Figure(
        "fairness",
        lambda score: score.fairness,
        0.02,
        _because("shares of so short a run differ by a request"),
    ),
    _Figure(
        "p50",
        lambda score: -score.p50_s,
        0.02,
        _because("some are served out of turn, at the cost of those who wait"),
    ),
    _Figure(
        "p99",
        lambda score: -score.p99_s,
        0.02,
        _because(
            "who misses a slot here, or meets a closed gate, takes another one at the end of the queue; and "
            "a process that gets nothing at all does not show in it"
        ),
    ),
)


def ahead(scores: Sequence[Score]) -> str:
    """List in what somebody is ahead, with the policies where he is."""
    lines = [line for figure in FIGURES for line in _ahead_in(figure, scores)]
    return "\n".join(lines) if lines else f"Nobody is ahead of {OURS} in anything."


def _ahead_in(figure: _Figure, scores: Sequence[Score]) -> Iterator[str]:
    """Give a line for each reason."""
    ours = {score.match.policy: score for score in scores if score.match.contender == OURS}
    leaders: dict[str, dict[str, list[str]]] = {}
    for score in scores:
        policy = score.match.policy
        if figure.give(score) >= figure.give(ours[policy]) + figure.counts_from:
            by_name = leaders.setdefault(figure.why(ours[policy]), {})
            by_name.setdefault(score.match.contender, []).append(policy)
    for why, by_name in leaders.items():
        names = "; ".join(f"{contender} ({', '.join(policies)})" for contender, policies in by_name.items())
        yield f"- Ahead in {figure.name}: {names}. Why: {why}."
