"""The forecast is held to the limiter itself: both play the same days, in blocks and request by request."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.forecast import Allowance, Schedule
from pipeline.job import Lane
from pipeline.limiter import PARTS, ROLLING, Day, day_of
from pipeline.store import Store
from tests.integration.limiter.pace import DAY_US, SECOND_US, Answer, Asker, make_limits

PER_DAY = 100
REQUESTS = 250
NEW_YORK = "America/New_York"
# The slots are granted up to three seconds ahead, and a request is counted when its interval has passed.
CLOSE_S = 5.0


class CalendarAsker(Asker):
    """Asks as the limiter does where the API's day begins at midnight in New York."""

    def ask(self, lane: Lane = Lane.BACKFILL, *, look_only: bool = False) -> Answer:
        starts, ends = day_of(self.now_us / 1e6, NEW_YORK)
        self.day_us = (round(starts * 1e6), round(ends * 1e6))
        return super().ask(lane, look_only=look_only)


def allowance_of(asker: Asker, *, day_window: str = ROLLING) -> Allowance:
    """See what the forecast is made from, as the overview does."""
    day = Day.from_answer(*asker.store.run("day", asker.now_us, *asker.day_us, PARTS, 10 * SECOND_US))
    limits = asker.limits
    return Allowance(
        now=day.now,
        pace=limits.requests_per_second * (1 - limits.margin),
        requests_per_day=PER_DAY,
        budget=PER_DAY,
        live_share=limits.live_share,
        day_window=day_window,
        used=day.used,
        granted=day.granted,
        live=day.live,
        live_most=day.live_most,
    )


def spent(asker: Asker, count: int, *, every_s: float) -> None:
    """Let so many requests leave, evenly."""
    for _ in range(count):
        asker.slots(1)
        asker.now_us += round(every_s * SECOND_US)


def assert_is_forecast(
    schedule: Schedule, granted_us: list[int], share: float, *, part_s: float = 0.0
) -> None:
    """Compare with what the limiter granted; while live's share melts a request leaves every so often."""
    melts_one_s = 86_400 / (share * PER_DAY) if share else 0.0
    late_s = sorted(schedule.at(number) - at / 1e6 for number, at in enumerate(granted_us, start=1))
    # Those that leave in the second before midnight count for the day to come: up to three.
    assert late_s[0] > -3 * melts_one_s - CLOSE_S
    # A few that find the last of what came back just gone are told to wait until the next day.
    assert late_s[len(late_s) * 19 // 20] < melts_one_s + part_s + CLOSE_S
    assert late_s[-1] < 86_400


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize(
    ("used", "every_s", "idle_s"),
    [
        (0, 0, 0),  # nothing yet
        (60, 0, 60),  # in a minute, just now
        (60, 0, 20 * 3600),  # long ago
        (85, 900, 0),  # all day
        (30, 60, 22 * 3600),  # comes back in a moment, and then nothing for long
    ],
)
def test_a_rolling_day_is_forecast_as_the_limiter_grants_it(
    share: float, used: int, every_s: float, idle_s: float, store: Store
) -> None:
    asker = Asker(store, make_limits(3, PER_DAY, live_share=share))
    spent(asker, used, every_s=every_s)
    asker.now_us += round(idle_s * SECOND_US)
    schedule = Schedule(allowance_of(asker), REQUESTS)

    assert_is_forecast(schedule, asker.slots(REQUESTS), share, part_s=every_s)


@pytest.mark.parametrize("used", [0, 60])
@pytest.mark.parametrize("share", [0.0, 0.2])
def test_a_day_that_begins_at_midnight_is_forecast_as_the_limiter_grants_it(
    share: float, used: int, store: Store
) -> None:
    asker = CalendarAsker(store, make_limits(3, PER_DAY, live_share=share))
    asker.now_us = round(datetime(2026, 12, 1, 15, tzinfo=ZoneInfo(NEW_YORK)).timestamp() * 1e6)
    asker.slots(used)
    asker.ask(look_only=True)
    schedule = Schedule(allowance_of(asker, day_window=NEW_YORK), REQUESTS)

    assert_is_forecast(schedule, asker.slots(REQUESTS), share)


def test_what_live_uses_is_no_longer_there_for_backfill(store: Store) -> None:
    asker = Asker(store, make_limits(3, PER_DAY, live_share=0.2))

    def a_day() -> int:
        """Let live ask every two hours, and backfill whenever it can; gives how many backfill got."""
        got = 0
        for _ in range(12):
            asker.slots(1, Lane.LIVE)
            ends_us = asker.now_us + DAY_US // 12
            while asker.now_us < ends_us:
                answer = asker.ask()
                got += answer.kind == "granted"
                asker.now_us = min(ends_us, asker.now_us + max(answer.wait_us, SECOND_US // 10))
        return got

    a_day()
    a_day()
    allowance = allowance_of(asker)

    assert allowance.live == 12
    assert a_day() == pytest.approx(allowance.for_backfill, abs=3)
    assert allowance.for_backfill < PER_DAY - 20
