"""The page of the budget: what was used of the API's day, how fast, by whom, and when it comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from pipeline.forecast import ARRIVAL_S, DAY_S
from pipeline.history import Answered, Closing, Minute, Past
from pipeline.job import Lane
from pipeline.limiter import ROLLING, day_of
from pipeline.overview import Overview
from workers.flower.chart import Chart, Series, chart_of
from workers.flower.page import Page

# Shares of what is used, by which the page tells when it is back.
SHARES = (0.1, 0.25, 0.5, 1.0)
# Minutes that a bar of the chart stands for, and closings of the gate that are listed.
BAR_MINUTES, CLOSINGS = 5, 50


@dataclass(frozen=True, slots=True)
class Return:
    """When how many of the requests used are back, if no more are sent; in seconds since the epoch."""

    requests: int
    at: float


@dataclass(frozen=True, slots=True)
class BudgetView:
    """What is shown.

    Attributes:
        window: What the day is, in words.
        kept: Requests that backfill leaves to the live lane now; the fewer, the sooner more come back.
        chart: Requests a minute over the last 24 hours.
        since, until: When the chart begins and ends.
        answered: How many requests of these hours were answered what.
        closings: The last closings of the gate, the newest first.
        returns: When the budget comes back.
    """

    overview: Overview
    window: str
    kept: int
    chart: Chart
    since: float
    until: float
    answered: tuple[tuple[Answered, int], ...]
    closings: tuple[Closing, ...]
    returns: tuple[Return, ...]


class BudgetPage(Page):
    """`/budget`."""

    template, active = "gong_ingest/budget.html", "budget"

    async def view(self, *_parts: str) -> BudgetView:
        """See the day."""
        seen = await self.window.look()
        return budget_view(seen.overview, await self.window.ask(self.window.history.look))


def budget_view(overview: Overview, past: Past) -> BudgetView:
    """Choose what is shown."""
    window = overview.limits.limits.day_window
    return BudgetView(
        overview=overview,
        window="in the last 24 h" if window == ROLLING else f"since midnight, {window}",
        kept=kept_for_live(overview),
        chart=chart_of_day(past.minutes, 60 * overview.limits.limits.requests_per_second),
        since=past.minutes[0].at if past.minutes else past.now,
        until=past.now,
        answered=tuple(_answered(past.minutes)),
        closings=past.closings[:CLOSINGS],
        returns=tuple(returns_of(overview)),
    )


def kept_for_live(overview: Overview) -> int:
    """Say how much of the day backfill leaves to the live lane now, as `lua/acquire.lua` does."""
    day, limits = overview.day, overview.limits
    # Of what was not used yet the day is as long as it can be.
    ends = day.now + DAY_S
    if limits.limits.day_window != ROLLING:
        ends = day_of(day.now, limits.limits.day_window)[1]
    elif day.granted:
        ends = day.granted[0] + DAY_S + ARRIVAL_S
    melting = limits.limits.live_share * limits.requests_per_day * max(0.0, ends - day.now) / DAY_S
    return max(overview.allowance.least, ceil(melting))


def chart_of_day(minutes: Sequence[Minute], limit: float) -> Chart:
    """Draw the requests a minute, live and backfill and those answered 429, below the limit a minute."""
    bars = [minutes[start : start + BAR_MINUTES] for start in range(0, len(minutes), BAR_MINUTES)]
    refused = [_a_minute(bar, answered=Answered.RATE_LIMITED) for bar in bars]
    by_lane = {
        lane: [
            _a_minute(bar, lane=lane) - _a_minute(bar, lane=lane, answered=Answered.RATE_LIMITED)
            for bar in bars
        ]
        for lane in (Lane.BACKFILL, Lane.LIVE)
    }
    return chart_of(
        [
            Series("backfill", "backfill", by_lane[Lane.BACKFILL]),
            Series("live", "live", by_lane[Lane.LIVE]),
            Series("refused", "answered 429", refused),
        ],
        limit=limit,
    )


def _a_minute(bar: Sequence[Minute], *, lane: Lane | None = None, answered: Answered | None = None) -> float:
    return sum(minute.count(lane=lane, answered=answered) for minute in bar if minute.requests) / len(bar)


def _answered(minutes: Sequence[Minute]) -> list[tuple[Answered, int]]:
    totals = dict.fromkeys(Answered, 0)
    for minute in minutes:
        for (_, _, answered), count in minute.requests.items():
            totals[answered] += count
    return [(answered, count) for answered, count in totals.items() if count]


def returns_of(overview: Overview) -> list[Return]:
    """Say when the requests used of the day are back: bit by bit where it rolls, else at its midnight."""
    day, window = overview.day, overview.limits.limits.day_window
    if not day.used:
        return []
    if window != ROLLING:
        return [Return(day.used, day_of(day.now, window)[1])]
    return _rolling(day.used, day.granted)


def _rolling(used: int, granted: Sequence[float]) -> list[Return]:
    found = []
    for share in SHARES:
        part = max(1, round(share * len(granted)))
        found.append(Return(round(used * part / len(granted)), granted[part - 1] + DAY_S + ARRIVAL_S))
    return list(dict.fromkeys(found))
