"""All matches, so that those at a high rate do not disturb each other, and their tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.limiter_compared.ahead import ahead
from bench.limiter_compared.contenders import OPENERS
from bench.limiter_compared.match import LATENCY, play
from bench.limiter_compared.score import OURS, PROCESSES, Match, Score
from bench.results import Table

POLICIES = ("fixed", "sliding", "bucket")
COLUMNS = (
    "policy",
    "contender",
    "use",
    "429s",
    "use x share without 429",
    "commands a request",
    "fairness",
    "p50 of acquire",
    "p99",
)
# No match is made shorter than this for its rate.
PART_MIN_S = 10.0
WORST_COLUMNS = ("contender", "use x share without 429", "429s", "commands a request", "fairness", "p99")


@dataclass(frozen=True, slots=True)
class _Round:
    """A rate, with the threads of a process that reach it, and how many matches run at once.

    Attributes:
        part: Of the length that is asked for: at a high rate less of it has more requests all the same.
    """

    per_second: int
    threads: int
    at_once: int
    part: float = 1.0

    def lasts_s(self, seconds: float) -> float:
        """Give how long a match takes, if so long is asked for."""
        return min(seconds, max(PART_MIN_S, seconds * self.part))


# 50 requests/s with answers after 225 ms on average keep 12 threads busy; 32 leave the contenders a queue.
# A match at that rate has a processor or two to itself: what holds requests up is to be the contender.
ROUNDS = (_Round(3, 1, 6), _Round(50, 4, max(1, (os.cpu_count() or 1) // 2), part=1 / 3))


def run(*, seconds: float = 60.0) -> Iterator[Table]:
    """Run every contender against every policy at both rates; matches at the high one are shorter."""
    for each in ROUNDS:
        lasts_s = each.lasts_s(seconds)
        matches = [
            Match(contender, policy, each.per_second, each.threads, lasts_s)
            for policy in POLICIES
            for contender in OPENERS
        ]
        with ThreadPoolExecutor(each.at_once) as pool:
            scores = list(pool.map(play, matches))
        yield _table(each, scores, lasts_s)
        yield _worst_table(each, scores)


def _table(each: _Round, scores: Sequence[Score], lasts_s: float) -> Table:
    notes = (
        f"{PROCESSES} processes of {each.threads} thread(s) create calls for {lasts_s:g} s, answers after "
        f"{LATENCY} s, each contender with a simulator and a server of its own ({each.at_once} matches at "
        "once). Use, p50 and p99 leave out the first two seconds. The acquire lasts until the request may "
        "leave, and all of them want to at once: p99 by p50 tells whether they take turns. Slots that a busy "
        f"machine let {OURS} miss, and requests that left late: {_missed(scores)}."
    )
    return Table(f"At {each.per_second} requests/s", notes, COLUMNS, [_row(score) for score in scores])


def _missed(scores: Sequence[Score]) -> str:
    ours = (score for score in scores if score.match.contender == OURS)
    return ", ".join(f"{score.missed} and {score.late} ({score.match.policy})" for score in ours)


def _worst_table(each: _Round, scores: Sequence[Score]) -> Table:
    rows = [
        _worst_row(contender, [score for score in scores if score.match.contender == contender])
        for contender in OPENERS
    ]
    notes = f"Gong does not say how it counts, so what counts is the worst of each row.\n\n{ahead(scores)}"
    return Table(f"At {each.per_second} requests/s: the worst of the policies", notes, WORST_COLUMNS, rows)


def _worst_row(contender: str, scores: Sequence[Score]) -> list[str]:
    return [
        contender,
        f"{min(score.product for score in scores):.1%}",
        f"{max(score.rejected for score in scores):,}",
        f"{max(score.commands for score in scores):.2f}",
        f"{min(score.fairness for score in scores):.2f}",
        f"{max(score.p99_s for score in scores):.2f} s",
    ]


def _row(score: Score) -> list[str]:
    return [
        score.match.policy,
        score.match.contender,
        f"{score.use:.1%}",
        f"{score.rejected:,}",
        f"{score.product:.1%}",
        f"{score.commands:.2f}",
        f"{score.fairness:.2f}",
        f"{score.p50_s:.2f} s",
        f"{score.p99_s:.2f} s",
    ]
