"""What a batch waits for beside its turn."""

from __future__ import annotations

import pytest

from pipeline.job import Lane, Reason, Step, Wait
from pipeline.lease import missed_below_s
from pipeline.ledger import Event
from pipeline.store import Store
from pipeline.waits import MOST_LOOKED_AT, Waits, waits_of
from tests.integration.ledger.bench import BATCH, LEASE_TTL_S, REASON, Bench
from tests.servers import Server


@pytest.fixture
def bench(server: Server, store: Store, namespace: str) -> Bench:
    return Bench(server, namespace, store)


def seen(bench: Bench, batch: str = BATCH) -> Waits:
    (waits,) = waits_of([batch], bench.store, lease_ttl_s=LEASE_TTL_S, clock=bench.clock)
    return waits


def test_what_is_due_is_waited_for_by_nobody(bench: Bench) -> None:
    bench.submit("a", "b")
    bench.clock.advance(1)

    assert seen(bench) == Waits(0.0, 0, 0.0)
    assert seen(bench, "no such batch") == Waits(0.0, 0, 0.0)


@pytest.mark.parametrize("keep", [True, False])
def test_the_last_job_that_is_put_off_is_told(bench: Bench, keep: bool) -> None:
    for name, wait_s in (("a", 7.0), ("b", 50.0), ("c", 20.0)):
        bench.ledger.postpone(bench.held(name), Wait(wait_s, keep=keep, costs_attempt=True, reason=REASON))
    bench.ledger.postpone(
        bench.held("z", batch="other"), Wait(300.0, keep=keep, costs_attempt=True, reason=REASON)
    )
    put_off_at = bench.clock()
    bench.clock.advance(1)

    last = Event(put_off_at, Step.VALIDATE, *REASON, until=put_off_at + 50)
    assert seen(bench) == Waits(49.0, 0, 0.0, put_off=3, last_event=last)

    bench.clock.advance(10)
    assert seen(bench).put_off == 2


@pytest.mark.parametrize("keep", [True, False])
def test_who_waits_for_its_turn_is_not_said_to_wait_for_what_was_before(bench: Bench, keep: bool) -> None:
    held = bench.held("a")
    bench.ledger.postpone(held, Wait(5.0, keep=False, costs_attempt=True, reason=REASON))
    bench.clock.advance(6)
    (again,) = bench.claim()
    waits_its_turn = Wait(30.0, keep=keep, costs_attempt=False, reason=Reason("waits_second"))
    bench.ledger.postpone(bench.begin(again), waits_its_turn)

    assert seen(bench) == Waits(30.0, 0, 0.0, put_off=1)


def test_jobs_of_the_live_lane_are_waited_for_too(bench: Bench) -> None:
    held = bench.held(lane=Lane.LIVE)
    bench.ledger.postpone(held, Wait(9.0, keep=False, costs_attempt=True, reason=REASON))

    assert seen(bench).due_s == 9.0


def test_a_lease_that_is_not_renewed_is_told_of_until_it_ends(bench: Bench) -> None:
    alive, *gone = (bench.held(name) for name in "abc")
    bench.clock.advance(LEASE_TTL_S - missed_below_s(LEASE_TTL_S) - 0.1)
    assert seen(bench).silent == 0

    bench.ledger.renew(alive)
    bench.clock.advance(0.2)
    waits = seen(bench)
    assert (waits.due_s, waits.silent) == (0.0, len(gone))
    assert waits.silent_s == pytest.approx(missed_below_s(LEASE_TTL_S) - 0.1, abs=0.01)

    bench.clock.advance(LEASE_TTL_S)
    assert seen(bench) == Waits(0.0, 0, 0.0)


def test_a_message_on_its_way_is_renewed_by_nobody_and_no_worker_is_gone(bench: Bench) -> None:
    bench.claimed()
    bench.clock.advance(LEASE_TTL_S - 1)

    assert seen(bench).silent == 0


def test_a_worker_that_renews_is_never_called_gone() -> None:
    for lease_ttl_s in (2.0, 3.0, 30.0, 3600.0):
        assert missed_below_s(lease_ttl_s) < lease_ttl_s * 2 / 3 - 1


def test_several_batches_are_told_apart_in_one_look(bench: Bench) -> None:
    for name, batch in (("a", "one"), ("b", "two")):
        held = bench.held(name, batch=batch)
        wait_s = 5.0 if batch == "one" else 9.0
        bench.ledger.postpone(held, Wait(wait_s, keep=True, costs_attempt=True, reason=REASON))

    found = waits_of(["two", "none", "one"], bench.store, lease_ttl_s=LEASE_TTL_S, clock=bench.clock)

    assert [each.due_s for each in found] == [9.0, 0.0, 5.0]


def test_a_million_countdowns_are_not_all_looked_at(bench: Bench) -> None:
    bench.submit("a")
    ends_ms = bench.clock() * 1000 + 1000
    far = {str(number): ends_ms + number for number in range(3 * MOST_LOOKED_AT)}
    bench.server.client.zadd(bench.key("countdowns"), far)
    seen(bench)
    before = bench.server.client.info("commandstats")["cmdstat_hget"]["calls"]

    seen(bench)

    after = bench.server.client.info("commandstats")["cmdstat_hget"]["calls"]
    assert after - before == MOST_LOOKED_AT
