"""A request that left late moves the slots behind it, so that no second of the API's gets one too many."""

from __future__ import annotations

import random

import pytest

from pipeline.job import Lane
from pipeline.limiter import LATE_S, Limiter, Slot
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import SECOND_US, most_in_window
from tests.integration.limiter.queue import Queue

PER_SECOND = 50
INTERVAL_US = 20_203  # a fiftieth of a second with a margin of 1 %, rounded up
LATE_US = round(LATE_S * SECOND_US)


@pytest.fixture
def queue(limiter: Limiter, store: Store, clock: Clock) -> Queue:
    """A queue at 50 requests a second, whose slots reach a while ahead."""
    limiter.set_limits({"requests_per_second": float(PER_SECOND)})
    clock.advance(5)
    made = Queue(limiter, store)
    made.fill()
    return made


def leave(queue: Queue, limiter: Limiter, clock: Clock, *, late_s: float) -> int:
    """Let the first in the queue leave, as much later; gives when that was (us)."""
    slot = min(queue.slots, key=lambda each: each.at_us)
    queue.slots.remove(slot)
    at_us = slot.at_us + round(late_s * SECOND_US)
    clock.now_s = max(clock.now_s, at_us / SECOND_US)
    if late_s > LATE_S:
        limiter.note_late(slot, late_s)
        newest = limiter.look(Lane.BACKFILL)
        if isinstance(newest, Slot):
            queue.hear(newest)
    return at_us


@pytest.mark.parametrize("late_s", [0.011, 0.02, 0.05, 0.5])
def test_a_late_request_finds_its_second_free(
    queue: Queue, limiter: Limiter, clock: Clock, late_s: float
) -> None:
    planned = queue.instants()
    assert most_in_window([planned[0] + round(late_s * SECOND_US), *planned[1:]], SECOND_US) > PER_SECOND
    clock.now_s += 0.5

    late = leave(queue, limiter, clock, late_s=late_s)
    while len(queue.slots) < 150:
        queue.fill()
        clock.now_s += 0.1

    assert most_in_window(sorted([late, *queue.instants()]), SECOND_US) <= PER_SECOND


@pytest.mark.parametrize(("late_s", "by_us"), [(0.012, 5_000), (0.02, 13_000), (0.3, INTERVAL_US)])
def test_it_costs_what_is_needed_and_one_place_at_most(
    queue: Queue, limiter: Limiter, clock: Clock, late_s: float, by_us: int
) -> None:
    planned = queue.instants()
    clock.now_s += 0.5

    leave(queue, limiter, clock, late_s=late_s)

    from_us = round(clock.now_s * SECOND_US) + 100_000
    assert queue.instants() == [at + (by_us if at >= from_us else 0) for at in planned[1:]]
    assert queue.recorded()[-len(queue.slots) :] == queue.instants()
    assert limiter.in_force().late == 1


def test_what_is_late_in_one_busy_moment_is_not_added_up(
    queue: Queue, limiter: Limiter, clock: Clock
) -> None:
    clock.now_s += 0.5
    last = queue.instants()[-1]

    for late_s in (0.015, 0.012, 0.02, 0.02):
        leave(queue, limiter, clock, late_s=late_s)

    assert queue.instants()[-1] == last + 20_000 - LATE_US


def test_what_is_late_later_is_waited_for_again(queue: Queue, limiter: Limiter, clock: Clock) -> None:
    last = queue.instants()[-1]
    leave(queue, limiter, clock, late_s=0.012)

    while queue.instants()[0] < clock.now_s * SECOND_US + 1_200_000:
        queue.slots.remove(min(queue.slots, key=lambda each: each.at_us))
    leave(queue, limiter, clock, late_s=0.012)

    assert queue.instants()[-1] == last + 10_000


def test_live_waits_for_it_too(queue: Queue, limiter: Limiter, clock: Clock) -> None:
    clock.now_s += 0.5
    slot = queue.ask(Lane.LIVE)
    assert slot is not None
    (before,) = queue.instants(Lane.LIVE)

    leave(queue, limiter, clock, late_s=0.02)

    (after,) = queue.instants(Lane.LIVE)
    assert after == before + (13_000 if before > clock.now_s * SECOND_US + 100_000 else 0)
    assert after in queue.recorded()


def test_the_next_slot_is_free_behind_those_that_were_moved(
    queue: Queue, limiter: Limiter, clock: Clock
) -> None:
    clock.now_s += 0.5
    leave(queue, limiter, clock, late_s=0.02)

    newest = queue.ask(Lane.BACKFILL)

    assert newest is not None
    assert newest.at_us == queue.instants()[-2] + INTERVAL_US


def test_no_second_gets_one_too_many_whatever_is_late(queue: Queue, limiter: Limiter, clock: Clock) -> None:
    dice = random.Random(7)
    left: list[int] = []

    for _ in range(1_000):
        queue.fill()
        late_s = dice.choice((0.0, 0.0, 0.0, 0.003, 0.006, 0.009, 0.015, 0.04))
        left.append(leave(queue, limiter, clock, late_s=late_s))

    assert most_in_window(sorted(left), SECOND_US) <= PER_SECOND
    assert limiter.in_force().late > 300
