"""From what was seen of the ledger to the numbers of each metric. Pure.

What may be summed or compared in an alert is always told, with 0 where nothing was counted yet: a series that
appears with its first event would hide that event from `increase`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate

from pipeline.events import Standing as Deliveries
from pipeline.forecast import requests_left
from pipeline.history.counted import STEP_BOUNDS_S, WAIT_BOUNDS_S
from pipeline.job import Lane, State, Step
from pipeline.limiter import REASONS, ROLLING, day_of
from pipeline.metrics import catalogue as the
from pipeline.metrics.catalogue import Metric
from pipeline.metrics.census import Census
from pipeline.overview import Overview, Standing, standing

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The number of one metric with the values of its labels."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram with the values of its labels: how many were up to each bound, and the sum of all."""

    metric: Metric
    buckets: Sequence[tuple[str, int]]
    total: float
    labels: tuple[str, ...] = field(default=())


def samples(
    overview: Overview, census: Census, deliveries: Deliveries, done_by: float | None
) -> Iterator[Sample | Distribution]:
    """Give every number but those of the scrape itself.

    Args:
        overview: All batches, limits and workers at one moment.
        census: What was counted beside it.
        deliveries: What was counted of deliveries to the webhook, also while no worker has one.
        done_by: By when everything is to be done, in seconds since the epoch; None if nobody said.
    """
    yield from _jobs(overview, census)
    yield from _backlog(overview, done_by)
    yield from _limits(overview)
    yield from _requests(census)
    yield from _work(overview, census)
    yield from _webhook(overview, deliveries)


def _jobs(overview: Overview, census: Census) -> Iterator[Sample]:
    for state in State:
        yield Sample(the.JOBS, sum(getattr(each, state) for each in overview.batches), (state,))
    for lane in Lane:
        counts = census.lanes[lane]
        yield Sample(the.OPEN_JOBS, counts.pending, (State.PENDING, lane))
        yield Sample(the.OPEN_JOBS, counts.active, (State.ACTIVE, lane))
        waits_s = 0.0 if counts.due_at is None else max(0.0, overview.day.now - counts.due_at)
        yield Sample(the.OLDEST_DUE, waits_s, (lane,))
        for state in (State.DONE, State.DEAD):
            yield Sample(the.ENDED, census.totals.get(f"{state}:{lane}", 0), (state, lane))
    how = Counter(standing(each) for each in overview.batches)
    yield from (Sample(the.BATCHES, how[each], (each,)) for each in Standing)
    yield Sample(the.REJECTED, sum(each.rejected for each in overview.batches))
    for reason, count in sorted(census.dead.items()):
        yield Sample(the.DEAD_LETTERS, count, _words(reason, 2))
    yield from _counted(the.DIED, "died:", census.totals)


def _backlog(overview: Overview, done_by: float | None) -> Iterator[Sample]:
    queued = overview.queued
    yield Sample(the.BACKLOG, sum(map(requests_left, queued)))
    ends = [overview.finish(each).at for each in queued]
    known = [at for at in ends if at is not None]
    if known and len(known) == len(ends):
        yield Sample(the.FINISH, max(known))
    if done_by is not None:
        yield Sample(the.DEADLINE, done_by)


def _limits(overview: Overview) -> Iterator[Sample]:
    limits, day = overview.limits, overview.day
    yield Sample(the.PACE, limits.pace)
    yield Sample(the.BUDGET, limits.requests_per_day)
    yield Sample(the.BUDGET_LIMIT, limits.limits.requests_per_day)
    yield Sample(the.BUDGET_USED, day.used)
    yield Sample(the.BUDGET_LEFT, max(0, limits.requests_per_day - day.used))
    yield Sample(the.DAY_PASSED, day_passed(day.now, limits.limits.day_window))
    yield Sample(the.MISSED, limits.missed)
    yield Sample(the.LATE, limits.late)
    closed_for = overview.gate.reason if overview.gate else None
    yield from (Sample(the.GATE, reason == closed_for, (reason,)) for reason in REASONS)


def _requests(census: Census) -> Iterator[Sample | Distribution]:
    yield from _counted(the.REQUESTS, "requests:", census.totals)
    for reason in REASONS:
        yield Sample(the.CLOSINGS, census.totals.get(f"closed:{reason}", 0), (reason,))
    yield from _distributions(the.WAIT, "wait", Lane, WAIT_BOUNDS_S, census.totals)


def _work(overview: Overview, census: Census) -> Iterator[Sample | Distribution]:
    yield from _distributions(the.STEP, "step", Step, STEP_BOUNDS_S, census.totals)
    yield Sample(the.UPLOADED, census.totals.get("upload_bytes", 0))
    yield Sample(the.UPLOADING, census.totals.get("upload_us", 0) / 1e6)
    yield Sample(the.UNDER_WAY, len(overview.uploads))
    fleet = overview.fleet
    yield Sample(the.WORKERS, fleet.workers)
    yield Sample(the.PROCESSES, fleet.calls, ("calls",))
    yield Sample(the.PROCESSES, fleet.media, ("media",))
    yield Sample(the.WINDOW, fleet.window)
    yield Sample(the.RESCUED, census.totals.get("rescued", 0))


def _webhook(overview: Overview, deliveries: Deliveries) -> Iterator[Sample]:
    told = overview.webhook
    if told:
        yield Sample(the.WEBHOOK_WAITING, told.waiting)
        yield Sample(the.WEBHOOK_FAILING, told.failing_since is not None)
    for result in ("delivered", "dropped", "given_up"):
        yield Sample(the.WEBHOOK_ENDED, getattr(deliveries, result), (result,))


def _counted(metric: Metric, prefix: str, totals: Mapping[str, int]) -> Iterator[Sample]:
    """Give every counter of a family, its labels taken from its name."""
    for name, number in sorted(totals.items()):
        if name.startswith(prefix):
            yield Sample(metric, number, _words(name.removeprefix(prefix), len(metric.labels)))


def _words(text: str, count: int) -> tuple[str, ...]:
    return tuple(text.split(":", count - 1))


def _distributions(
    metric: Metric, name: str, kinds: Iterable[str], bounds_s: Sequence[float], totals: Mapping[str, int]
) -> Iterator[Distribution]:
    for kind in kinds:
        found = [totals.get(f"{name}:{kind}:{number}", 0) for number in range(len(bounds_s) + 1)]
        bounds = (*map(str, bounds_s), "+Inf")
        buckets = list(zip(bounds, accumulate(found), strict=True))
        yield Distribution(metric, buckets, totals.get(f"{name}_us:{kind}", 0) / 1e6, (kind,))


def day_passed(now: float, window: str) -> float:
    """Say how much of the API's day has passed, 0 to 1; a day that rolls begins at midnight in UTC."""
    if window == ROLLING:
        midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return (now - midnight.timestamp()) / DAY_S
    starts, ends = day_of(now, window)
    return (now - starts) / (ends - starts)
