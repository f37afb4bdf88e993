"""The gate under faults: all stop, nobody holds a message for it, and all go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.arena import Arena, arena
from tests.chaos.scenarios import scenario
from tests.chaos.waiting import hold_true
from tests.waiting import await_true


@contextmanager
def _at_work(batch: str) -> Iterator[Arena]:
    """Give an arena whose fleet is in the middle of a batch."""
    with arena(per_second=40) as running:
        running.fleet.add("calls", queues="calls", concurrency=4)
        running.fleet.add("media", queues="media", concurrency=4)
        running.hand_in(batch, 250)
        await_true(lambda: running.seen() >= 20, "the fleet is at work", within_s=20)
        yield running


def _settled(running: Arena) -> int:
    """Wait until nobody holds a job any more; gives the requests made until then."""
    await_true(lambda: not _held(running), "every job is given back", within_s=30)
    return running.seen()


def _held(running: Arena) -> int:
    return sum(counts.active for counts in running.ledger.batches())


@scenario()
def test_refused_credentials_stop_the_fleet_until_they_are_taken_again() -> None:
    with _at_work("unauthorized") as running:
        running.simulator.set_faults({"401": True})
        await_true(running.limiter.gate, "the gate closes", within_s=30)
        sent = _settled(running)
        running.simulator.set_faults({})
        counts = running.await_final("unauthorized", within_s=90)
        assert counts.done == counts.total
        # one probe found the key to be taken again, and then all went on
        assert sent < 2 * counts.total
        assert running.limiter.gate() is None
        assert running.audit() == []


@scenario()
def test_long_retry_after_stops_all_without_a_message_held_until_it_is_opened_by_hand() -> None:
    with _at_work("limited") as running:
        running.simulator.set_faults({"create.429": ":3600-3600"})
        await_true(running.limiter.gate, "the gate closes", within_s=30)
        running.simulator.set_faults({})
        sent = _settled(running)
        closed = running.limiter.gate()
        assert closed is not None
        assert (closed.reason, round(closed.until - closed.since, -2)) == ("rate_limited", 3600)
        hold_true(lambda: running.seen() == sent, "nothing is sent", for_s=2)
        assert (running.queued("calls"), running.queued("media")) == (0, 0)
        assert running.held() == 0
        assert running.ledger.counts("limited").active == 0
        assert running.limiter.open_by_hand()
        counts = running.await_final("limited", within_s=90)
        assert counts.done == counts.total
        assert counts.rate_limited >= 1
        assert running.audit() == []
