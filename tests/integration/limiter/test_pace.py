"""The pace: slots evenly apart, bound a little ahead, never two at one instant."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import ceil

import pytest

from pipeline.job import Lane
from pipeline.limiter import Limiter, Refusal, Slot
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import (
    HORIZON_US,
    SECOND_US,
    Asker,
    make_limits,
    most_in_window,
)
from tests.servers import Server


def apart(slots: Sequence[int]) -> list[int]:
    return [after - before for before, after in itertools.pairwise(slots)]


@pytest.mark.parametrize("margin", [0.0, 0.01, 0.1])
@pytest.mark.parametrize("per_second", [0.5, 3, 10, 50])
def test_slots_are_one_interval_apart(store: Store, per_second: float, margin: float) -> None:
    asker = Asker(store, make_limits(per_second, margin=margin))

    slots = asker.slots(200)

    assert set(apart(slots)) == {ceil(SECOND_US / per_second / (1 - margin))}


@pytest.mark.parametrize("margin", [0.0, 0.01])
@pytest.mark.parametrize(
    ("per_second", "count", "window_s"), [(0.5, 1, 2), (3, 3, 1), (10, 10, 1), (50, 50, 1)]
)
def test_no_window_of_a_second_holds_more_than_the_limit(
    store: Store, per_second: float, count: int, window_s: int, margin: float
) -> None:
    slots = Asker(store, make_limits(per_second, margin=margin)).slots(300)

    assert most_in_window(slots, window_s * SECOND_US) == count


def test_who_asks_after_a_pause_may_send_at_once(asker: Asker) -> None:
    asker.warm_up()

    assert asker.ask().wait_us == 0
    assert asker.ask().wait_us == 336_701


def test_what_was_not_used_is_not_made_up_for(asker: Asker) -> None:
    asker.slots(3)
    asker.now_us += 3600 * SECOND_US

    assert set(apart(asker.slots_now())) == {336_701}


@pytest.mark.parametrize("burst", [1, 3])
def test_nothing_is_bound_further_ahead_than_the_horizon(store: Store, burst: int) -> None:
    asker = Asker(store, make_limits(10, burst=burst))
    asker.warm_up()

    slots = asker.slots_now()
    refused = asker.ask()

    assert max(slots) - asker.now_us <= HORIZON_US
    assert len(slots) == HORIZON_US // 101_011 + burst
    assert (refused.kind, refused.reason) == ("later", "second")


def test_who_asks_again_when_told_gets_a_slot_at_the_horizon(asker: Asker) -> None:
    while (refused := asker.ask()).kind == "granted":
        pass

    asker.now_us += refused.wait_us - 1
    assert asker.ask(look_only=True).kind == "later"
    asker.now_us += 1
    assert asker.ask() == replace(refused, kind="granted", wait_us=HORIZON_US, reason="0")


def test_who_is_refused_comes_back_one_after_the_other(asker: Asker) -> None:
    asker.slots_now()
    waits = [asker.ask().wait_us for _ in range(50)]

    assert set(apart(waits)) == {336_701}


def test_nobody_is_told_to_stay_away_for_more_than_a_minute(asker: Asker) -> None:
    asker.slots_now()

    assert max(asker.ask().wait_us for _ in range(500)) <= 60 * SECOND_US


def test_who_does_not_come_back_holds_up_nobody(asker: Asker) -> None:
    asker.slots_now()
    for _ in range(50):
        asker.ask()
    asker.now_us += HORIZON_US

    assert set(apart(asker.slots_now())) == {336_701}
    assert len(asker.slots_now()) == 0


def test_a_slot_that_was_missed_is_told_of_and_does_not_count_for_the_day(
    limiter: Limiter, clock: Clock
) -> None:
    missed = limiter.acquire(Lane.BACKFILL)
    assert isinstance(missed, Slot)

    limiter.acquire(Lane.BACKFILL, missed=missed)

    assert (limiter.use().today, limiter.in_force().missed) == (1, 1)


@pytest.mark.parametrize(("lead_s", "leaves_in_s"), [(0.0, 0.0), (0.5, 0.5), (7.0, 1.0)])
def test_who_needs_time_to_be_ready_gets_a_slot_no_sooner(
    limiter: Limiter, clock: Clock, lead_s: float, leaves_in_s: float
) -> None:
    slot = limiter.acquire(Lane.BACKFILL, lead_s=lead_s)
    following = limiter.acquire(Lane.BACKFILL)

    assert isinstance(slot, Slot)
    assert isinstance(following, Slot)
    assert slot.at_us == round((clock.now_s + leaves_in_s) * 1e6)
    # One behind the other, as always.
    assert following.at_us - slot.at_us == pytest.approx(SECOND_US / 3 / 0.99, abs=1)


def test_live_takes_a_place_for_which_it_can_be_ready(limiter: Limiter, clock: Clock) -> None:
    for _ in range(6):
        limiter.acquire(Lane.BACKFILL)

    slot = limiter.acquire(Lane.LIVE, lead_s=0.5)

    assert isinstance(slot, Slot)
    assert 0.5 <= slot.at_us / 1e6 - clock.now_s < 0.5 + 0.34


def test_an_interval_longer_than_the_horizon_is_kept(store: Store) -> None:
    asker = Asker(store, make_limits(0.1, margin=0))

    assert set(apart(asker.slots(5))) == {10 * SECOND_US}


def test_a_burst_may_leave_at_once_after_a_pause_and_then_the_pace_is_kept(store: Store) -> None:
    asker = Asker(store, make_limits(10, margin=0, burst=3))
    asker.warm_up()

    slots = [slot - asker.now_us for slot in asker.slots_now()]

    assert slots[:6] == [0, 0, 0, 100_000, 200_000, 300_000]


@pytest.mark.parametrize(
    ("per_second", "silence_us"), [(50, SECOND_US), (3, SECOND_US), (0.5, 2 * SECOND_US)]
)
@pytest.mark.parametrize("burst", [1, 5])
def test_state_that_was_lost_starts_with_a_window_of_silence(
    store: Store, per_second: float, silence_us: int, burst: int
) -> None:
    asker = Asker(store, make_limits(per_second, margin=0, burst=burst))
    start_us = asker.now_us

    slots = asker.slots(3)

    assert slots[0] == start_us + silence_us
    assert set(apart(slots)) == {ceil(SECOND_US / per_second)}


def test_a_look_binds_nothing(asker: Asker) -> None:
    asker.warm_up()
    looks = [asker.ask(look_only=True) for _ in range(20)]

    assert {look.wait_us for look in looks} == {0}
    assert asker.ask().wait_us == 0
    assert asker.ask(look_only=True).wait_us == asker.ask().wait_us > 0


def test_a_clock_that_is_set_back_does_not_stop_the_fleet(asker: Asker) -> None:
    asker.slots(10)
    asker.now_us -= 3600 * SECOND_US
    start_us = asker.now_us

    slots = asker.slots(10)

    # The slots that were bound before are still to come, though no longer than those of both lanes reach.
    assert slots[0] - start_us == 2 * HORIZON_US + 336_701
    assert set(apart(slots)) == {336_701}


def test_limits_raised_in_the_settings_take_effect_within_the_horizon(store: Store) -> None:
    asker = Asker(store, make_limits(0.01))
    asker.slots(1)
    asker.limits = make_limits(50)
    start_us = asker.now_us

    slots = asker.slots(100)

    assert slots[0] - start_us == 2 * HORIZON_US + 20_203
    assert set(apart(slots)) == {20_203}


def test_limits_lowered_in_the_settings_take_effect_at_once(asker: Asker) -> None:
    asker.slots(10)
    asker.limits = make_limits(1, margin=0)

    assert set(apart(asker.slots(5))) == {SECOND_US}


def test_who_asks_at_once_never_share_a_slot(server: Server, namespace: str) -> None:
    limits = make_limits(1000, margin=0)

    def ask_on(_asker: int) -> list[str]:
        store = Store(server.url, namespace)
        limiter = Limiter(store, limits)
        kinds = [type(limiter.acquire(Lane.BACKFILL)).__name__ for _ in range(100)]
        store.close()
        return kinds

    with ThreadPoolExecutor(8) as pool:
        kinds = [kind for found in pool.map(ask_on, range(8)) for kind in found]

    slots = [int(text) for text in server.client.lrange(f"{namespace}:grants", 0, -1)]
    assert kinds == ["Slot"] * 800
    assert len(slots) == 800
    assert min(apart(slots)) == 1000


def test_a_slot_tells_when_to_leave_on_the_clock_of_the_process(store: Store) -> None:
    limiter = Limiter(store, make_limits(1, margin=0))
    before = time.monotonic()

    slot = limiter.acquire(Lane.LIVE)

    # The first second is silent.
    assert isinstance(slot, Slot)
    assert before + 1 <= slot.leaves_at <= time.monotonic() + 1
    assert not slot.is_probe
    later = slot.after(1, by_us=9_000_000)
    before = time.monotonic()
    wait_s = later.wait_s
    assert later.leaves_at - time.monotonic() <= wait_s <= later.leaves_at - before


def test_a_refusal_tells_when_to_ask_again(store: Store, clock: Clock) -> None:
    limiter = Limiter(store, make_limits(1, margin=0), clock=clock)
    answers = [limiter.acquire(Lane.LIVE) for _ in range(4)]

    # Three are bound ahead, and the fourth can be a second later.
    assert answers[-1] == Refusal(1.0, "second")


def test_a_slot_that_has_passed_is_not_waited_for(store: Store) -> None:
    # The silence at the beginning is as long as its interval.
    slot = Limiter(store, make_limits(0.4)).acquire(Lane.LIVE)
    assert isinstance(slot, Slot)

    assert slot.after(1, by_us=-9_000_000).wait_s == 0
    assert slot.after(1, by_us=-9_000_000).is_missed
    assert not slot.after(1, by_us=9_000_000).is_missed
