"""The day's budget: an exact rolling window, of which a part is kept for the live lane."""

from __future__ import annotations

import time

import pytest

from pipeline.job import Lane
from pipeline.limiter import Limiter
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import (
    DAY_US,
    HORIZON_US,
    SECOND_US,
    Asker,
    make_limits,
    most_in_window,
)


def test_no_day_holds_more_than_the_limit_and_none_of_it_is_wasted(store: Store) -> None:
    asker = Asker(store, make_limits(10, 50))

    slots = asker.slots(200)

    assert most_in_window(slots, DAY_US) == 50
    # A request is counted when it arrives: a second is kept for the way.
    assert [late - early for early, late in zip(slots, slots[50:], strict=False)] == [
        DAY_US + SECOND_US
    ] * 150


def test_who_is_refused_for_the_day_is_told_when_the_oldest_request_comes_to_its_end(store: Store) -> None:
    asker = Asker(store, make_limits(10, 3))
    first, *_ = asker.slots(3)

    refused = asker.ask()

    assert (refused.kind, refused.reason) == ("later", "day")
    asker.now_us += refused.wait_us
    assert asker.ask().wait_us + asker.now_us == first + DAY_US + SECOND_US


def test_a_second_is_kept_for_the_way_whenever_somebody_asks(store: Store) -> None:
    asker = Asker(store, make_limits(10, 3))
    first, *_ = asker.slots(3)

    asker.now_us = first + DAY_US + SECOND_US // 2

    assert asker.now_us + asker.ask().wait_us == first + DAY_US + SECOND_US


def test_a_limit_that_is_lowered_counts_what_was_sent_before(store: Store) -> None:
    asker = Asker(store, make_limits(10, 10))
    slots = asker.slots(10)
    asker.limits = make_limits(10, 4)

    (slot,) = asker.slots(1)

    assert slot == slots[6] + DAY_US + SECOND_US


def test_a_limit_that_is_raised_lets_the_rest_go_at_once(store: Store) -> None:
    asker = Asker(store, make_limits(10, 4))
    asker.slots(4)
    asker.limits = make_limits(10, 6)

    slots = asker.slots(2)

    assert slots[-1] - asker.now_us < 2 * SECOND_US
    assert asker.ask().reason == "day"


def test_backfill_leaves_the_share_of_the_live_lane(store: Store) -> None:
    asker = Asker(store, make_limits(100, 100, live_share=0.2))

    slots = asker.slots_now(Lane.BACKFILL)
    assert len(slots) == 80
    assert asker.ask(Lane.BACKFILL).reason == "day"

    asker.now_us += HORIZON_US
    live = asker.slots_now(Lane.LIVE)
    assert len(live) == 20
    assert asker.ask(Lane.LIVE).reason == "day"


def test_the_share_melts_to_nothing_while_the_day_passes(store: Store) -> None:
    asker = Asker(store, make_limits(100, 100, live_share=0.2))
    start_us = asker.slots(80)[0]

    granted_at = asker.slots(20)

    assert all(slot <= start_us + DAY_US + SECOND_US for slot in granted_at)
    # A twentieth of the share is free after a twentieth of the day.
    hours = [(slot - start_us) / DAY_US * 20 for slot in granted_at]
    assert hours == pytest.approx(range(1, 21), abs=0.01)


def test_backfill_alone_uses_all_but_a_little_of_the_budget(store: Store) -> None:
    asker = Asker(store, make_limits(100, 1000, live_share=0.2))
    days = 5

    slots = asker.slots(998 * days)

    assert slots[-1] - slots[0] <= days * (DAY_US + SECOND_US)
    # Two in a thousand are kept, so that a request of the live lane does not wait for hours.
    assert most_in_window(slots, DAY_US) == 998


def test_live_waits_for_nothing_on_any_day(store: Store) -> None:
    asker = Asker(store, make_limits(100, 1000, live_share=0.2))
    waits = []
    for _ in range(5 * 48):
        # given a backfill that takes all it may, a live request now and then
        half_an_hour_later = asker.now_us + 1800 * SECOND_US
        while asker.now_us < half_an_hour_later:
            asker.slots_now(Lane.BACKFILL)
            asker.now_us += 60 * SECOND_US
        asker.now_us = half_an_hour_later
        answer = asker.ask(Lane.LIVE)
        waits.append(answer.wait_us / SECOND_US)
        assert answer.kind == "granted"

    assert max(waits) < 1


def kept_for_live(asker: Asker) -> int:
    """Let backfill take all it may, and count what is left for live."""
    while asker.slots_now(Lane.BACKFILL):
        asker.now_us += HORIZON_US
    kept = 0
    while asker.ask(Lane.LIVE).kind == "granted":
        kept += 1
        asker.now_us += SECOND_US // 50
    return kept


def test_what_is_kept_follows_what_live_used(store: Store) -> None:
    asker = Asker(store, make_limits(100, 1000, live_share=0.2))
    asker.slots(50, Lane.LIVE)
    asker.now_us += DAY_US // 2
    asker.slots(800, Lane.BACKFILL)
    asker.now_us += DAY_US // 3

    # Most of the share has melted; what live is known to need is kept, and 2.
    assert kept_for_live(asker) == 52


def test_after_days_without_live_what_it_used_before_is_kept(store: Store) -> None:
    asker = Asker(store, make_limits(100, 1000, live_share=0.2))
    asker.slots(50, Lane.LIVE)
    for _ in range(6):
        asker.now_us += DAY_US
        asker.slots(100, Lane.BACKFILL)
    asker.now_us += DAY_US - 3600 * SECOND_US

    assert kept_for_live(asker) == 52


def test_what_live_used_more_than_a_week_ago_is_forgotten(store: Store) -> None:
    asker = Asker(store, make_limits(100, 1000, live_share=0.2))
    asker.slots(50, Lane.LIVE)
    for _ in range(8):
        asker.now_us += DAY_US
        asker.slots(100, Lane.BACKFILL)
    asker.now_us += DAY_US - 3600 * SECOND_US

    assert kept_for_live(asker) < 15


def test_without_a_share_nothing_is_kept(store: Store) -> None:
    asker = Asker(store, make_limits(100, 100))

    assert most_in_window(asker.slots(300), DAY_US) == 100


def test_live_finds_its_share_at_once_after_a_backfill_took_what_it_may(store: Store) -> None:
    asker = Asker(store, make_limits(100, 100, live_share=0.2))
    asker.slots(80)
    asker.now_us += 6 * 3600 * SECOND_US
    asker.slots_now(Lane.BACKFILL)
    asker.now_us += HORIZON_US

    assert len(asker.slots_now(Lane.LIVE)) == 15


def test_a_look_for_one_lane_does_not_speak_for_the_other(store: Store) -> None:
    asker = Asker(store, make_limits(100, 10, live_share=0.5))
    asker.slots(5)
    asker.now_us += HORIZON_US

    assert asker.ask(Lane.BACKFILL, look_only=True).reason == "day"
    assert asker.ask(Lane.LIVE, look_only=True).kind == "granted"


def test_what_was_granted_is_told_for_the_last_day_and_since_an_instant(
    limiter: Limiter, clock: Clock
) -> None:
    for _ in range(3):
        limiter.acquire(Lane.LIVE)
    clock.advance(86_000)
    since = clock.now_s
    for _ in range(4):
        limiter.acquire(Lane.LIVE)

    use = limiter.use(since=since)
    assert (use.today, use.count) == (7, 4)
    assert use.span_s == pytest.approx(3 * 0.336701, abs=1e-5)
    clock.advance(401)
    assert limiter.use().today == 4
    clock.advance(86_400)
    assert limiter.use(since=since).today == 0


def test_nothing_granted_is_nothing_used(limiter: Limiter, clock: Clock) -> None:
    use = limiter.use(since=clock.now_s)

    assert (use.today, use.count, use.span_s) == (0, 0, 0.0)


def test_the_servers_clock_is_read(store: Store) -> None:
    before_s = time.time()

    assert before_s - 1 < Limiter(store, make_limits()).clock() < time.time() + 1
