"""Where somebody is ahead of this project's limiter, and why: said, not left out.

A reason is given where the figures of both bear it out; where none does, none is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.limiter_compared.ours import MARGIN
from bench.limiter_compared.score import OURS, PROCESSES, Score

# Gives the reasons why the first is ahead of the second, which is this project's limiter.
Why = Callable[[Score, Score], Iterator[str]]
UNKNOWN = "not known"
# A fixed window and a bucket let requests come close together, as long as there are not too many.
FORGIVING = frozenset({"fixed", "bucket"})
USE_COUNTS_FROM, COMMANDS_COUNT_FROM, WAIT_COUNTS_FROM_S = 0.002, 0.05, 0.02
# From this share of the requests on, something shows in the 99th percentile, and in the median.
SHOWS_IN_P99, SHOWS_IN_P50 = 0.01, 0.05
# Below this share of the largest, a process gets hardly anything.
STARVES_BELOW = 0.05
# Waits that lie further apart than others by this factor are served less in turn.
FURTHER_BY = 1.1


@dataclass(frozen=True, slots=True)
class _Figure:
    """Something in which one can be ahead, from which difference on it counts, and why others may lead."""

    name: str
    give: Callable[[Score], float]
    counts_from: float
    why: Why


def _why_use(theirs: Score, ours: Score) -> Iterator[str]:
    if theirs.use > 1 - MARGIN:
        yield f"it leaves no margin, where {OURS} leaves {MARGIN:.0%}"
    if theirs.rejected > ours.rejected:
        yield "it comes too close to the limit, and meets more 429s"
    yield from _losses(ours)


def _why_fewer_429s(theirs: Score, ours: Score) -> Iterator[str]:
    if theirs.sent < ours.sent * (1 - MARGIN):
        yield "it sends less"


def _why_product(theirs: Score, ours: Score) -> Iterator[str]:
    if theirs.use > 1 - MARGIN:
        if ours.match.policy in FORGIVING:
            yield "it leaves no margin, and that policy forgives requests that come too close"
        elif theirs.rejected <= ours.rejected:
            yield "it leaves no margin, and met no more 429s here all the same"
    yield from _losses(ours)


def _why_commands(theirs: Score, ours: Score) -> Iterator[str]:
    if theirs.commands < 1:
        yield "it does not ask the server for each request"
    if ours.missed and ours.missed >= COMMANDS_COUNT_FROM * ours.accepted:
        yield f"{OURS} asks again for slots that it missed ({ours.missed})"


def _why_fairness(theirs: Score, ours: Score) -> Iterator[str]:
    if theirs.fairness - ours.fairness <= PROCESSES / max(1, ours.accepted):
        yield "the shares of the processes differ by one request"


def _why_p50(theirs: Score, ours: Score) -> Iterator[str]:
    if theirs.p99_s * ours.p50_s > FURTHER_BY * ours.p99_s * theirs.p50_s:
        yield "some are served out of turn: its p99 is further from its p50"
    if ours.p50_s - theirs.p50_s <= 2 * _saved_s(theirs, ours):
        yield "it uses more of the rate, so all wait less"
    yield from _waits_elsewhere(theirs, ours, SHOWS_IN_P50)


def _why_p99(theirs: Score, ours: Score) -> Iterator[str]:
    clients = PROCESSES * ours.match.threads
    if ours.rejected * clients >= SHOWS_IN_P99 * ours.accepted:
        yield f"who waits at {OURS} waits longer while its gate is closed after 429s ({ours.rejected})"
    if ours.missed and ours.missed >= SHOWS_IN_P99 * ours.accepted:
        yield f"who misses a slot of {OURS} takes one at the end of the queue ({ours.missed} missed)"
    yield from _waits_elsewhere(theirs, ours, SHOWS_IN_P99)


def _losses(ours: Score) -> Iterator[str]:
    """Say what this project's limiter lost besides its margin."""
    if ours.use > 1 - MARGIN - USE_COUNTS_FROM:
        return
    if ours.missed and ours.missed >= USE_COUNTS_FROM * ours.accepted:
        yield f"{OURS} gave up slots that it missed ({ours.missed})"
    if ours.rejected:
        yield f"{OURS} closed its gate for all after 429s ({ours.rejected})"


def _waits_elsewhere(theirs: Score, ours: Score, shows_from: float) -> Iterator[str]:
    """Say which of its waits are not in its acquires, or hardly."""
    if theirs.fairness < STARVES_BELOW:
        yield "a process that gets hardly anything does not show in it"
    if theirs.rejected - ours.rejected >= shows_from * theirs.sent:
        yield "who meets a 429 waits outside of the acquire"


def _saved_s(theirs: Score, ours: Score) -> float:
    """Give by how much the mean wait is shorter for the rate alone; each client sends again once answered."""
    if not ours.use or not theirs.use:
        return 0.0
    clients = PROCESSES * ours.match.threads
    return clients / ours.match.per_second * (1 / ours.use - 1 / theirs.use)


FIGURES = (
    _Figure("use", lambda score: score.use, USE_COUNTS_FROM, _why_use),
    _Figure("fewer 429s", lambda score: -score.rejected, 1, _why_fewer_429s),
    _Figure("use x share without 429", lambda score: score.product, USE_COUNTS_FROM, _why_product),
    _Figure("commands", lambda score: -score.commands, COMMANDS_COUNT_FROM, _why_commands),
    _Figure("fairness", lambda score: score.fairness, 0.02, _why_fairness),
    _Figure("p50", lambda score: -score.p50_s, WAIT_COUNTS_FROM_S, _why_p50),
    _Figure("p99", lambda score: -score.p99_s, WAIT_COUNTS_FROM_S, _why_p99),
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
            why = "; ".join(figure.why(score, ours[policy])) or UNKNOWN
            leaders.setdefault(why, {}).setdefault(score.match.contender, []).append(policy)
    for why, by_name in leaders.items():
        names = "; ".join(f"{contender} ({', '.join(policies)})" for contender, policies in by_name.items())
        yield f"- Ahead in {figure.name}: {names}. Why: {why}."
