"""The gate under faults: all stop, nobody holds a message for it, and all go on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.arena import Arena, arena
from tests.chaos.waiting import hold_true
from tests.waiting import await_true


@pytest.fixture(scope="module")
def system() -> Iterator[Arena]:
    """Give an arena with a fleet, for one test after the other."""
    with arena(per_second=40) as running:
        running.fleet.add("calls", queues="calls", concurrency=4)
        running.fleet.add("media", queues="media", concurrency=4)
        yield running


def _hand_in(running: Arena, batch: str) -> None:
    """Hand a batch in and wait until the fleet is in the middle of it."""
    before = running.seen()
    running.hand_in(batch, 40)
    await_true(lambda: running.seen() >= before + 20, "the fleet is at work", within_s=20)


def _settled(running: Arena) -> int:
    """Wait until nobody holds a job any more; gives the requests made until then."""
    await_true(lambda: not _held(running), "every job is given back", within_s=15)
    return running.seen()


def _held(running: Arena) -> int:
    return sum(counts.active for counts in running.ledger.batches())


def test_refused_credentials_stop_the_fleet_until_they_are_taken_again(system: Arena) -> None:
    _hand_in(system, "unauthorized")
    system.simulator.set_faults({"401": True})
    await_true(system.limiter.gate, "the gate closes", within_s=10)
    sent = _settled(system)
    system.simulator.set_faults({})
    counts = system.await_final("unauthorized", within_s=40)
    assert counts.done == counts.total
    # one probe found the key to be taken again, and then all went on
    assert sent < 2 * counts.total
    assert system.limiter.gate() is None
    assert system.audit() == []


def test_long_retry_after_stops_all_without_a_message_held_until_it_is_opened_by_hand(
    system: Arena,
) -> None:
    _hand_in(system, "limited")
    system.simulator.set_faults({"create.429": ":3600-3600"})
    await_true(system.limiter.gate, "the gate closes", within_s=10)
    system.simulator.set_faults({})
    sent = _settled(system)
    closed = system.limiter.gate()
    assert closed is not None
    assert (closed.reason, round(closed.until - closed.since, -2)) == ("rate_limited", 3600)
    hold_true(lambda: system.seen() == sent, "nothing is sent", for_s=2)
    assert (system.queued("calls"), system.queued("media")) == (0, 0)
    assert system.unacknowledged() <= 1
    assert system.ledger.counts("limited").active == 0
    assert system.limiter.open_by_hand()
    counts = system.await_final("limited", within_s=20)
    assert counts.done == counts.total
    assert counts.rate_limited >= 1
    assert system.audit() == []
