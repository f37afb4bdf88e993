"""The regimes that are simulated, and their tables.

Where the day is the limit, the fleet sleeps most of the time; where the second is, jitter is what matters.
The trade-off shows what a margin costs, and what it saves, where the network is bad.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from bench.figures import percentile
from bench.limiter_virtual.case import Case, Outcome, simulate
from bench.results import Table

POLICIES = ("fixed", "sliding", "bucket")
JITTERS_S = (0.001, 0.005, 0.020)
MARGINS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.10)
NO_DAY_LIMIT = 10_000_000
PER_DAY = 10_000
DAY_S, HOUR_S = 86_400.0, 3_600.0

COLUMNS = (
    "policy",
    "jitter one way",
    "use",
    "429s",
    "429s an hour",
    "longest wait for live",
    "p99",
    "round trips a request",
    "margin at the end",
)


def run(*, days: float = 7.0, hours: float = 3.0) -> list[Table]:
    """Simulate every regime, as many cases at once as there are cores."""
    seconds = [
        Case(policy, jitter_s, hours * HOUR_S, NO_DAY_LIMIT) for policy in POLICIES for jitter_s in JITTERS_S
    ]
    week = [Case(policy, jitter_s, days * DAY_S, PER_DAY) for policy in POLICIES for jitter_s in JITTERS_S]
    margins = [
        Case("sliding", JITTERS_S[-1], hours * HOUR_S, NO_DAY_LIMIT, margin=margin, tells_limiter=False)
        for margin in MARGINS
    ]
    adaptive = Case("sliding", JITTERS_S[-1], hours * HOUR_S, NO_DAY_LIMIT)
    # Longest first, so that no core stands idle at the end.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        done = list(pool.map(simulate, [*week, *seconds, *margins, adaptive]))
    weeks, rest = done[: len(week)], done[len(week) :]
    return [
        _second_table(rest[: len(seconds)], hours),
        _day_table(weeks, days),
        _margin_table(rest[len(seconds) :], hours),
    ]


def _second_table(outcomes: Sequence[Outcome], hours: float) -> Table:
    notes = (
        f"100 workers (95 backfill, 5 live), 3 requests/s and no limit a day for {hours:g} h. Answers take "
        "50-400 ms and twice the jitter, exponential with that mean; a live request comes every 5 minutes "
        "(Poisson). The 95 ask all the time, so each waits for half a minute: it asks once more when it was "
        "told to, and again after each 429. A fleet is spared that: its dispatcher hands out no more jobs "
        "than have slots soon, and one round trip does (see the comparison)."
    )
    return Table("Virtual time: the second is the limit", notes, COLUMNS, [_row(each) for each in outcomes])


def _day_table(outcomes: Sequence[Outcome], days: float) -> Table:
    notes = (
        f"The same with 10,000 requests a day, for {days:g} days. The API counts its day as a rolling one, "
        "whatever the policy for its second."
    )
    return Table("Virtual time: the day is the limit", notes, COLUMNS, [_row(each) for each in outcomes])


def _margin_table(outcomes: Sequence[Outcome], hours: float) -> Table:
    notes = (
        f"Sliding windows, 20 ms mean jitter one way, no limit a day, {hours:g} h. A fixed margin learns "
        "nothing: on a 429 the fleet asks for no slot until the Retry-After is over, and the limiter is not "
        "told."
    )
    rows = [[_margin_name(each.case), *_row(each)[2:]] for each in outcomes]
    return Table("Virtual time: what a margin costs and saves", notes, ("margin", *COLUMNS[2:]), rows)


def _margin_name(case: Case) -> str:
    return f"adaptive from {case.margin:.1%}" if case.tells_limiter else f"{case.margin:.1%}"


def _row(outcome: Outcome) -> list[str]:
    live_s = outcome.live_waits_s
    return [
        outcome.case.policy,
        f"{outcome.case.jitter_s * 1e3:g} ms",
        f"{outcome.use:.2%}",
        f"{outcome.rejected:,}",
        f"{outcome.rejected_an_hour:.1f}",
        f"{max(live_s, default=0.0):.1f} s",
        f"{percentile(live_s, 0.99):.1f} s",
        f"{outcome.round_trips / max(1, outcome.accepted):.2f}",
        f"{outcome.margin:.2%}",
    ]
