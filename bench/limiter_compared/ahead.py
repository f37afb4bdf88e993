"""Where somebody is ahead of this project's limiter, and why one may be: said, not left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.limiter_compared.contenders import OURS
from bench.limiter_compared.match import Score


@dataclass(frozen=True, slots=True)
class _Figure:
    """Something in which one can be ahead, from which difference on it counts, and why others may lead."""

    name: str
    give: Callable[[Score], float]
    counts_from: float
    why: str


FIGURES = (
    _Figure(
        "use",
        lambda score: score.use,
        0.002,
        "it leaves no margin, and a loopback has hardly any jitter; and it sends late what is given up here",
    ),
    _Figure(
        "fewer 429s", lambda score: -score.rejected, 1, "it sends less, or waits longer than it would have to"
    ),
    _Figure(
        "use x share without 429",
        lambda score: score.product,
        0.002,
        "that policy forgives requests that come too close, so a margin buys nothing there",
    ),
    _Figure("commands", lambda score: -score.commands, 0.05, "it asks only when it will be granted"),
    _Figure("fairness", lambda score: score.fairness, 0.02, "shares of so short a run differ by a request"),
    _Figure(
        "p50", lambda score: -score.p50_s, 0.02, "some are served out of turn, at the cost of those who wait"
    ),
    _Figure(
        "p99",
        lambda score: -score.p99_s,
        0.02,
        "who misses a slot here, or meets a closed gate, takes another one at the end of the queue; and a "
        "process that gets nothing at all does not show in it",
    ),
)


def ahead(scores: Sequence[Score]) -> str:
    """List in what somebody is ahead, with the policies where he is."""
    lines = [line for figure in FIGURES for line in _ahead_in(figure, scores)]
    return "\n".join(lines) if lines else f"Nobody is ahead of {OURS} in anything."


def _ahead_in(figure: _Figure, scores: Sequence[Score]) -> Iterator[str]:
    ours = {score.match.policy: figure.give(score) for score in scores if score.match.contender == OURS}
    leaders: dict[str, list[str]] = {}
    for score in scores:
        if figure.give(score) >= ours[score.match.policy] + figure.counts_from:
            leaders.setdefault(score.match.contender, []).append(score.match.policy)
    if leaders:
        names = "; ".join(f"{contender} ({', '.join(policies)})" for contender, policies in leaders.items())
        yield f"- Ahead in {figure.name}: {names}. Why: {figure.why}."
