"""The live lane goes first: it takes a place that backfill holds, and who held it moves on by one."""

from __future__ import annotations

from random import Random

import pytest

from pipeline.job import Lane
from pipeline.limiter import HORIZON_S, Limiter, Slot
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import SECOND_US, make_limits
from tests.integration.limiter.queue import Queue
from tests.integration.limiter.test_pace import apart

INTERVAL_US = 336_701
# How long before its instant a slot can still be taken back.
NOTICE_US = 100_000


@pytest.fixture
def queue(limiter: Limiter, store: Store) -> Queue:
    return Queue(limiter, store)


def granted(slot: Slot | None) -> Slot:
    assert slot is not None
    return slot


def test_live_does_not_wait_behind_backfill(queue: Queue, clock: Clock) -> None:
    queue.fill()

    live = granted(queue.ask(Lane.LIVE))

    now_us = round(clock.now_s * 1e6)
    assert NOTICE_US <= live.at_us - now_us < NOTICE_US + INTERVAL_US


def test_who_was_there_moves_on_by_one_and_all_keep_their_distance(queue: Queue) -> None:
    queue.fill()
    before = queue.instants()

    live = granted(queue.ask(Lane.LIVE))

    assert queue.instants() == [*before, before[-1] + INTERVAL_US]
    assert queue.instants(Lane.BACKFILL) == [at for at in queue.instants() if at != live.at_us]


def test_a_request_that_is_about_to_leave_is_not_moved(queue: Queue, clock: Clock) -> None:
    queue.fill()
    first = queue.instants()[0]
    clock.now_s = (first - NOTICE_US + 1) / 1e6

    live = granted(queue.ask(Lane.LIVE))

    assert queue.instants(Lane.BACKFILL)[0] == first
    assert live.at_us == first + INTERVAL_US


def test_live_is_served_in_the_order_in_which_it_came(queue: Queue) -> None:
    queue.fill()

    lives = [granted(queue.ask(Lane.LIVE)).at_us for _ in range(4)]

    assert set(apart(lives)) == {INTERVAL_US}
    assert set(apart(queue.instants())) == {INTERVAL_US}


def test_live_alone_is_paced_and_bound_no_further_than_the_horizon(queue: Queue, clock: Clock) -> None:
    queue.fill(Lane.LIVE)

    assert set(apart(queue.instants())) == {INTERVAL_US}
    assert queue.instants()[-1] <= (clock.now_s + HORIZON_S) * 1e6


def test_live_finds_no_place_when_all_of_them_are_taken_by_live(queue: Queue) -> None:
    queue.fill()
    queue.fill(Lane.LIVE)

    assert queue.ask(Lane.LIVE) is None
    assert queue.ask(Lane.BACKFILL) is None
    assert set(apart(queue.instants())) == {INTERVAL_US}


def test_nothing_is_moved_when_nobody_waits(queue: Queue) -> None:
    first, second = granted(queue.ask(Lane.LIVE)), granted(queue.ask(Lane.LIVE))

    assert (second.at_us - first.at_us, second.notice) == (INTERVAL_US, first.notice)


@pytest.mark.parametrize("seed", range(5))
def test_any_mix_keeps_the_pace_and_loses_no_slot(queue: Queue, clock: Clock, seed: int) -> None:
    random = Random(seed)
    for _ in range(300):
        queue.ask(Lane.LIVE if random.random() < 0.2 else Lane.BACKFILL)
        clock.advance(random.choice([0, 0, 0.001, 0.05, 0.4]))
        # Who has left hears nothing any more.
        now_us = round(clock.now_s * 1e6)
        queue.left += [slot.at_us for slot in queue.slots if slot.at_us <= now_us]
        queue.slots = [slot for slot in queue.slots if slot.at_us > now_us]

    instants = sorted([*queue.left, *queue.instants()])
    assert min(apart(instants)) >= INTERVAL_US
    assert queue.recorded() == instants


def test_the_day_counts_every_request_once(store: Store, clock: Clock) -> None:
    limiter = Limiter(store, make_limits(3, 20), clock=clock)
    limiter.look(Lane.LIVE)
    clock.advance(60)
    queue = Queue(limiter, store)
    for _ in range(10):
        queue.ask(Lane.BACKFILL)
        queue.ask(Lane.LIVE)
        clock.advance(0.3)

    assert limiter.use().today == len(queue.slots)
    assert queue.recorded() == queue.instants()
    assert queue.instants()[-1] - queue.instants()[0] < 10 * SECOND_US


def test_live_shares_no_instant_while_the_margin_shrinks(
    limiter: Limiter, store: Store, clock: Clock
) -> None:
    for _ in range(5):
        limiter.close_for(1, "429")
        clock.advance(2)
    queue = Queue(limiter, store)
    for turn in range(400):
        queue.fill()
        if turn % 7 == 0:
            granted(queue.ask(Lane.LIVE))
        clock.advance(0.4)
        now_us = round(clock.now_s * 1e6)
        queue.left += [slot.at_us for slot in queue.slots if slot.at_us <= now_us]
        queue.slots = [slot for slot in queue.slots if slot.at_us > now_us]

    instants = sorted([*queue.left, *queue.instants()])
    # Each was bound at the interval of its time, which shrinks by some microseconds a second.
    assert min(apart(instants)) > INTERVAL_US - 100
