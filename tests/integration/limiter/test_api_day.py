"""The API's day: one that begins at some zone's midnight, and one of which others take a part."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.job import Lane
from pipeline.limiter import LONG_RETRY_AFTER_S, Limiter, Limits, Refusal, Slot, day_of
from pipeline.limiter.limiter import NO_JOB
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import make_limits

NEW_YORK = "America/New_York"
HOUR_S = 3600.0


def at(text: str, zone: str = NEW_YORK) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def limiter_at(store: Store, instant: float, per_day: int = 10, **overrides: float) -> tuple[Limiter, Clock]:
    clock = Clock(instant)
    limits = Limits(3.0, per_day, 0.01, 1, overrides.get("live_share", 0.0), NEW_YORK)
    limiter = Limiter(store, limits, clock=clock)
    limiter.look(Lane.LIVE)
    clock.advance(60)
    return limiter, clock


def take(limiter: Limiter, clock: Clock, lane: Lane = Lane.BACKFILL) -> Refusal:
    """Take every slot there is; gives the refusal that says why there are no more."""
    while isinstance(answer := limiter.acquire(lane), Slot) or answer.reason == "second":
        clock.advance(0.4)
    return answer


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-11-22", 24), ("2026-03-08", 23), ("2026-11-01", 25), ("2026-10-31", 24)]
)
def test_a_day_is_as_long_as_the_zone_says(day: str, hours: int) -> None:
    starts, ends = day_of(at(f"{day}T12:00"), NEW_YORK)

    assert starts == at(f"{day}T00:00")
    assert ends - starts == hours * HOUR_S
    assert day_of(starts, NEW_YORK) == (starts, ends)
    assert day_of(ends, NEW_YORK)[0] == ends


def test_a_day_of_another_zone_is_another_day() -> None:
    instant = datetime(2026, 11, 22, 3, tzinfo=UTC).timestamp()

    assert day_of(instant, NEW_YORK)[0] == at("2026-11-21T00:00")
    assert day_of(instant, "UTC")[0] == at("2026-11-22T00:00", "UTC")


def test_the_whole_budget_is_there_again_at_midnight(store: Store) -> None:
    limiter, clock = limiter_at(store, at("2026-11-22T20:00"))

    refused = take(limiter, clock)

    midnight = at("2026-11-23T00:00")
    assert limiter.use().today == 10
    assert clock.now_s + refused.wait_s == pytest.approx(midnight - 3)
    clock.now_s = midnight + 1
    take(limiter, clock)
    assert limiter.use().today == 20


def test_a_day_of_25_hours_has_the_budget_once(store: Store) -> None:
    limiter, clock = limiter_at(store, at("2026-11-01T00:10"))
    take(limiter, clock)

    clock.now_s = at("2026-11-01T23:30")  # 24 hours and 20 minutes later
    refused = limiter.acquire(Lane.BACKFILL)

    assert isinstance(refused, Refusal)
    assert clock.now_s + refused.wait_s == pytest.approx(at("2026-11-02T00:00") - 3)


def test_what_left_in_the_last_second_of_a_day_may_arrive_in_the_next(store: Store) -> None:
    limiter, clock = limiter_at(store, at("2026-11-22T23:58:59.2"), per_day=4)
    for _ in range(2):
        assert isinstance(limiter.acquire(Lane.BACKFILL), Slot)
    clock.now_s = at("2026-11-23T00:00:01")

    take(limiter, clock)

    assert limiter.use().today == 4


def test_a_server_whose_clock_is_ahead_begins_its_day_all_the_same(store: Store) -> None:
    before, after = at("2026-11-22T23:59:58"), at("2026-11-23T00:00:02")
    limiter, clock = limiter_at(store, before - 3 * HOUR_S)
    take(limiter, clock)
    starts, ends = (round(each * 1e6) for each in day_of(before, NEW_YORK))

    answer = store.run(
        "acquire",
        round(after * 1e6),
        "live",
        *limiter.limits.as_arguments(),
        3_000_000,
        "0",
        starts,
        ends,
        "",
        0,
        *NO_JOB,
    )

    assert answer[0] == "granted"


def test_the_share_of_live_melts_until_midnight(store: Store) -> None:
    limiter, clock = limiter_at(store, at("2026-11-22T00:00:10"), per_day=100, live_share=0.2)
    take(limiter, clock)
    assert limiter.use().today == 80
    clock.now_s = at("2026-11-22T12:00:00")
    take(limiter, clock)
    assert limiter.use().today == 90
    take(limiter, clock, Lane.LIVE)
    assert limiter.use().today == 100


def others_use_half_of_it(store: Store, used: int, wait_s: float = 9 * HOUR_S) -> tuple[Limiter, Clock]:
    """Open a limiter to which the API says, after so many requests of 100, that the day is spent."""
    clock = Clock()
    limiter = Limiter(store, make_limits(3, 100), clock=clock)
    limiter.look(Lane.LIVE)
    clock.advance(60)
    while limiter.use().today < used:
        limiter.acquire(Lane.BACKFILL)
        clock.advance(0.4)
    limiter.close_for(wait_s, "429")
    return limiter, clock


def test_a_long_retry_after_teaches_what_others_leave(store: Store) -> None:
    limiter, clock = others_use_half_of_it(store, 60)
    assert limiter.in_force().requests_per_day == 60

    clock.advance(12 * HOUR_S)
    assert limiter.in_force().requests_per_day == 80
    take(limiter, clock)
    assert limiter.use().today == 80
    clock.advance(12 * HOUR_S)
    assert limiter.in_force().requests_per_day == 100


@pytest.mark.parametrize(("used", "wait_s"), [(49, 9 * HOUR_S), (60, LONG_RETRY_AFTER_S - 1)])
def test_what_does_not_speak_of_the_day_teaches_nothing(store: Store, used: int, wait_s: float) -> None:
    limiter, _ = others_use_half_of_it(store, used, wait_s)

    assert limiter.in_force().requests_per_day == 100
