"""Bound slots are taken back when the gate closes or the limits change; who may not have heard gives up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.job import Lane
from pipeline.limiter import Limiter, Notices, Slot
from pipeline.limiter.notices import apply
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import SECOND_US
from tests.integration.limiter.queue import Queue
from tests.servers import Server
from tests.waiting import await_true

SOON_S = 5.0

VOID: dict[str, Callable[[Limiter], object]] = {
    "a 429": lambda limiter: limiter.close_for(30, "429"),
    "failures": lambda limiter: limiter.note_failure("500", failures_to_close=1),
    "refused credentials": lambda limiter: limiter.close_unauthorized("401"),
    "a hand": lambda limiter: limiter.close_by_hand("maintenance"),
    "new limits": lambda limiter: limiter.set_limits({"requests_per_second": 1.0}),
}


def granted(limiter: Limiter, lane: Lane = Lane.BACKFILL) -> Slot:
    slot = limiter.acquire(lane)
    assert isinstance(slot, Slot)
    return slot


@pytest.fixture
def notices(store: Store) -> Notices:
    heard = Notices(store)
    heard.listen()
    return heard


@pytest.mark.parametrize("lane", Lane)
@pytest.mark.parametrize("reason", VOID)
def test_bound_slots_are_taken_back(limiter: Limiter, notices: Notices, reason: str, lane: Lane) -> None:
    slot = granted(limiter, lane)

    VOID[reason](limiter)

    assert notices.follow(slot, SOON_S) is None


def test_a_probe_is_taken_back_by_a_hand_that_closes_the_gate(
    limiter: Limiter, notices: Notices, clock: Clock
) -> None:
    limiter.close_unauthorized("401")
    clock.advance(5)
    probe = granted(limiter)
    assert probe.is_probe

    limiter.close_by_hand("maintenance")

    # the first notice is of what came before the probe
    await_true(lambda: notices.follow(probe, 0.1) is None, "it is taken back", within_s=SOON_S)


def test_what_is_taken_back_does_not_count_for_the_day(limiter: Limiter, store: Store, clock: Clock) -> None:
    queue = Queue(limiter, store)
    queue.fill()
    clock.advance(1)

    limiter.close_for(30, "429")

    now_us = clock.now_s * 1e6
    # One that is about to leave can no longer be held up.
    assert queue.recorded() == [at for at in queue.instants() if at <= now_us + 100_000]
    assert limiter.use().today == 4


def test_after_a_closed_gate_no_slot_is_lost_to_those_that_were_taken_back(
    limiter: Limiter, store: Store, clock: Clock
) -> None:
    Queue(limiter, store).fill()
    limiter.close_for(2, "429")
    clock.advance(2)

    assert granted(limiter).at_us == clock.now_s * 1e6


def test_a_full_window_passes_between_the_old_pace_and_the_new(
    limiter: Limiter, store: Store, clock: Clock
) -> None:
    limiter.set_limits({"requests_per_second": 50.0})
    clock.advance(5)
    Queue(limiter, store).fill()
    clock.advance(1)
    left = limiter.use(since=clock.now_s - 1).count

    limiter.set_limits({"requests_per_second": 3.0})

    last = max(at for at in Queue(limiter, store).recorded())
    assert left > 50
    assert granted(limiter).at_us >= last + SECOND_US


def test_nothing_is_heard_in_time(limiter: Limiter, notices: Notices) -> None:
    slot = granted(limiter)

    assert notices.follow(slot, 0.01) is slot


def test_what_came_before_a_slot_does_not_concern_it(
    limiter: Limiter, notices: Notices, clock: Clock
) -> None:
    limiter.close_for(1, "429")
    clock.advance(2)
    slot = granted(limiter)

    assert notices.follow(slot, SOON_S) is slot


def test_a_429_of_a_request_that_was_under_way_takes_nothing_back_twice(
    limiter: Limiter, notices: Notices, clock: Clock
) -> None:
    limiter.close_for(1, "429")
    clock.advance(2)
    slot = granted(limiter)
    limiter.close_for(1, "429")

    # The first of the two notices may be heard a moment before the other.
    await_true(lambda: notices.follow(slot, 0.1) is None, "it is taken back", within_s=SOON_S)


def test_who_missed_a_notice_gives_its_slot_up(limiter: Limiter) -> None:
    slot = granted(limiter)
    number = slot.notice

    assert apply(f"{number + 1} shift 0 5", slot) == slot.after(number + 1, by_us=5)
    assert apply(f"{number + 2} shift 0 5", slot) is None


def test_only_backfill_that_leaves_later_is_moved(limiter: Limiter) -> None:
    backfill, live = granted(limiter), granted(limiter, Lane.LIVE)
    number = backfill.notice + 1

    assert apply(f"{number} shift {backfill.at_us + 1} 5", backfill) == backfill.after(number)
    assert apply(f"{number} shift 0 5", live) == live.after(number)


def test_who_lost_its_connection_gives_its_slot_up(limiter: Limiter, store: Store, server: Server) -> None:
    notices = Notices(store)
    notices.listen()
    slot = granted(limiter)

    server.client.client_kill_filter(_type="pubsub")

    assert notices.follow(slot, SOON_S) is None
    # It hears again what comes.
    limiter.close_by_hand("for the test")
    assert notices.follow(slot, SOON_S) is None
