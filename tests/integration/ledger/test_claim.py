"""Claiming: who is leased, in which order, and how many at once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.job import Lane, State, Step, job_id_of
from pipeline.ledger import Ledger
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.ledger.bench import (
    ATTEMPTS_MAX,
    BATCH,
    LEASE_TTL_S,
    Bench,
    make_submission,
    make_wait,
    names_of,
)


def test_a_claimed_job_is_active_under_a_lease(bench: Bench) -> None:
    bench.submit("a")

    (claim,) = bench.claim()

    assert claim.steps == tuple(Step)
    assert not claim.rescued
    assert bench.job()["state"] == "active"
    assert bench.due_in_s() is None
    assert bench.lease_ends_in_s() == LEASE_TTL_S


def test_a_job_is_claimed_once(bench: Bench) -> None:
    bench.submit("a")

    assert len(bench.claim()) == 1
    assert bench.claim() == []


def test_no_more_jobs_are_leased_than_the_window_holds(bench: Bench) -> None:
    bench.submit(*"abcde")

    assert len(bench.claim(window=2)) == 2
    assert bench.claim(window=2) == []
    assert len(bench.claim(window=3)) == 1
    assert bench.claim(window=0) == []


def test_live_goes_first(bench: Bench) -> None:
    bench.submit("old-1", "old-2")
    bench.clock.advance(60)
    bench.submit("live", lane=Lane.LIVE)

    claimed = names_of(bench.claim(window=2), ["old-1", "old-2", "live"])

    assert claimed == ["live", "old-1"]


def test_only_the_lanes_asked_for_are_claimed(bench: Bench) -> None:
    bench.submit("old")
    bench.submit("live", lane=Lane.LIVE)

    assert names_of(bench.claim(lanes=[Lane.LIVE]), ["old", "live"]) == ["live"]
    assert bench.claim(lanes=[]) == []
    assert names_of(bench.claim(lanes=[Lane.BACKFILL]), ["old"]) == ["old"]


def test_batches_take_turns(bench: Bench) -> None:
    large = [f"large-{number}" for number in range(50)]
    small = [f"small-{number}" for number in range(3)]
    bench.submit(*large, batch="large")
    bench.clock.advance(60)
    bench.submit(*small, batch="small")
    bench.clock.advance(1)

    order: list[str] = []
    for _ in range(6):
        bench.clock.advance(1)
        (claim,) = bench.claim(window=len(order) + 1)
        order += names_of([claim], large + small)

    assert order == ["large-0", "small-0", "large-1", "small-1", "large-2", "small-2"]


def test_each_batch_gets_an_equal_share_of_a_wide_window(bench: Bench) -> None:
    for batch in "xyz":
        bench.submit(*(f"{batch}-{number}" for number in range(50)), batch=batch)
    bench.clock.advance(1)

    claims = bench.claim(window=12)

    names = [f"{batch}-{number}" for batch in "xyz" for number in range(50)]
    assert Counter(name[0] for name in names_of(claims, names)) == {"x": 4, "y": 4, "z": 4}


def test_what_one_batch_leaves_of_its_share_goes_to_the_others(bench: Bench) -> None:
    bench.submit("x-0", batch="x")
    bench.submit(*(f"y-{number}" for number in range(50)), batch="y")
    bench.clock.advance(1)

    assert len(bench.claim(window=12)) == 12


def test_more_batches_than_places_are_all_served_in_time(bench: Bench) -> None:
    batches = [f"batch-{number}" for number in range(9)]
    for batch in batches:
        bench.submit(*(f"{batch}/{number}" for number in range(3)), batch=batch)
    names = [f"{batch}/{number}" for batch in batches for number in range(3)]

    served: list[str] = []
    for _ in range(3):
        bench.clock.advance(1)
        served += names_of(bench.claim(window=len(served) + 3), names)

    assert sorted(name.split("/")[0] for name in served) == batches


def test_jobs_come_in_the_order_in_which_they_are_due(bench: Bench) -> None:
    bench.submit("first", "second")
    first = bench.begin(bench.claim(window=1)[0])
    bench.ledger.postpone(first, make_wait(30))
    bench.clock.advance(29.9)
    bench.submit("third")

    assert names_of(bench.claim(), ["second", "third"]) == ["second", "third"]
    bench.clock.advance(0.1)
    assert names_of(bench.claim(), ["first"]) == ["first"]


def test_the_next_due_time_is_that_of_the_lanes_asked_for(bench: Bench, ledger: Ledger) -> None:
    assert ledger.claim(tuple(Lane), window=1).next_due_s is None
    ledger.postpone(bench.held("a"), make_wait(40))
    ledger.postpone(bench.held("b", batch="other", lane=Lane.LIVE), make_wait(15.5))

    assert ledger.claim(tuple(Lane), window=9).next_due_s == 15.5
    assert ledger.claim([Lane.BACKFILL], window=9).next_due_s == 40
    bench.clock.advance(14)
    assert ledger.claim(tuple(Lane), window=9).next_due_s == 1.5


def test_what_is_due_but_has_no_place_is_due_now(bench: Bench, ledger: Ledger) -> None:
    bench.submit("a", "b")
    bench.clock.advance(1)

    assert ledger.claim(tuple(Lane), window=1).next_due_s == 0
    assert ledger.claim(tuple(Lane), window=1).next_due_s == 0


def test_a_lease_that_ran_out_is_claimed_anew_with_a_larger_token(bench: Bench) -> None:
    claim = bench.claimed()
    bench.begin(claim)

    bench.clock.advance(LEASE_TTL_S - 0.001)
    assert bench.claim() == []
    bench.clock.advance(0.001)
    (rescue,) = bench.claim()

    assert rescue.rescued
    assert rescue.job_id == claim.job_id
    assert rescue.lease_token > claim.lease_token
    assert bench.job()["attempts"] == "1"
    assert bench.lease_ends_in_s() == LEASE_TTL_S


def test_a_rescued_job_goes_on_from_the_last_step_recorded(bench: Bench) -> None:
    bench.held("a", Step.UPLOAD_MEDIA)

    bench.clock.advance(LEASE_TTL_S)
    (rescue,) = bench.claim()

    assert rescue.steps == (Step.UPLOAD_MEDIA,)
    assert bench.begin(rescue).call_id == "77"


def test_a_lost_message_costs_no_attempt(bench: Bench) -> None:
    bench.claimed()

    for _ in range(2 * ATTEMPTS_MAX):
        bench.clock.advance(LEASE_TTL_S)
        (rescue,) = bench.claim()
        assert rescue.rescued

    assert bench.job()["attempts"] == "0"


def test_a_lost_message_is_nobodys_last_attempt(bench: Bench) -> None:
    claim = bench.claimed()
    bench.ledger.postpone(bench.begin(claim), make_wait(0, keep=True, costs_attempt=True))
    bench.attempts_max = 1

    bench.clock.advance(LEASE_TTL_S)

    assert [rescue.rescued for rescue in bench.claim()] == [True]


def test_a_job_that_its_workers_do_not_survive_is_dead(bench: Bench) -> None:
    claim = bench.claimed()
    for _ in range(ATTEMPTS_MAX - 1):
        bench.begin(claim)
        bench.clock.advance(LEASE_TTL_S)
        (claim,) = bench.claim()
    bench.begin(claim)
    bench.clock.advance(LEASE_TTL_S)

    assert bench.claim() == []

    (letter,) = bench.control.dead_letters(BATCH, most=9)
    assert (letter.code, letter.attempts) == ("worker_lost", ATTEMPTS_MAX)
    assert "killed or got stuck" in letter.message
    assert bench.lease_ends_in_s() is None


def test_a_lease_that_ran_out_does_not_count_towards_the_window(bench: Bench) -> None:
    bench.submit("a")
    bench.claim(window=1)
    bench.clock.advance(LEASE_TTL_S)
    bench.submit("live", lane=Lane.LIVE)

    # The one place is free, and the rescue takes it like any other claim.
    (claim,) = bench.claim(window=1)
    assert claim.rescued
    assert bench.claim(window=1) == []


def test_rescues_take_no_more_places_than_are_free(bench: Bench) -> None:
    bench.submit(*"abcd")
    bench.claim(window=4)
    bench.clock.advance(LEASE_TTL_S)

    assert len(bench.claim(window=3)) == 3
    assert len(bench.claim(window=3)) == 0


def test_a_clock_that_is_set_back_stops_no_batch(bench: Bench) -> None:
    bench.submit("a", "b", "c")
    bench.submit("d", "e", batch="other")
    bench.clock.advance(100)
    bench.claim(window=2)
    bench.clock.advance(-50)

    assert {claim.batch for claim in bench.claim()} == {BATCH, "other"}


def test_behind_a_probe_only_leases_that_began_since_count(bench: Bench) -> None:
    bench.submit("a", "b", "c")
    bench.claim(window=1)
    bench.clock.advance(5)
    since = bench.clock.now_s

    def probes() -> int:
        return len(bench.ledger.claim([Lane.BACKFILL], window=1, probed_since=since).jobs)

    assert [probes(), probes()] == [1, 0]


def test_behind_a_probe_a_countdown_takes_no_place_and_gives_none(bench: Bench) -> None:
    since = bench.clock.now_s
    for name in "abc":
        bench.ledger.postpone(bench.held(name), make_wait(5, keep=True))
    bench.submit("d", "e")

    def probes() -> int:
        return len(bench.ledger.claim([Lane.BACKFILL], window=1, probed_since=since).jobs)

    assert [probes(), probes()] == [1, 0]


def test_whoever_failed_least_is_the_probe(bench: Bench) -> None:
    held = []
    for name in "abc":
        held.append(bench.held(name))
        bench.clock.advance(1)
    for each in held[:2]:
        bench.ledger.postpone(each, make_wait(0, costs_attempt=True))
    bench.ledger.postpone(held[2], make_wait(0))
    bench.submit("d")

    def claim() -> list[str]:
        found = bench.ledger.claim([Lane.BACKFILL], window=1, probed_since=bench.clock.now_s).jobs
        bench.clock.advance(5)
        return [each.job_id for each in found]

    assert [claim() for _ in range(4)] == [[job_id_of(name)] for name in "cdab"]


def test_without_a_lane_what_lost_its_worker_waits(bench: Bench) -> None:
    bench.held("a")
    bench.clock.advance(LEASE_TTL_S)
    bench.submit("b")

    assert bench.claim(lanes=()) == []

    counts = bench.ledger.counts(BATCH)
    assert (counts.active, counts.pending) == (0, 2)
    assert bench.job("a")["attempts"] == "1"
    assert [claim.job_id for claim in bench.claim(window=1)] == [job_id_of("a")]


def test_of_backfill_no_more_are_claimed_than_are_wanted(bench: Bench) -> None:
    bench.submit("a", "b", "c")
    bench.submit("d", "e", batch="other", lane=Lane.LIVE)

    found = bench.ledger.claim(list(Lane), window=9, most_of_backfill=1).jobs

    assert sorted(claim.batch for claim in found) == [BATCH, "other", "other"]


def test_a_token_grows_even_when_the_clock_goes_back(bench: Bench) -> None:
    first = bench.claimed()
    bench.clock.advance(-3600)
    bench.ledger.give_back(first)

    (again,) = bench.claim()

    assert again.lease_token > first.lease_token


def test_a_token_of_a_lost_ledger_does_not_come_again(bench: Bench) -> None:
    before = bench.claimed()
    for key in bench.server.client.scan_iter(f"{bench.namespace}:*"):
        bench.server.client.delete(key)
    bench.clock.advance(0.001)

    after = bench.claimed()

    assert after.job_id == before.job_id
    assert after.lease_token > before.lease_token


def test_dispatchers_that_claim_at_once_never_share_a_job(bench: Bench, server_url: str) -> None:
    names = [f"job-{number}" for number in range(200)]
    bench.submit(*names)
    bench.clock.advance(1)

    def claim_all(_dispatcher: int) -> list[str]:
        store = Store(server_url, bench.namespace)
        ledger = Ledger(store, lease_ttl_s=LEASE_TTL_S, attempts_max=ATTEMPTS_MAX, clock=bench.clock)
        found: list[str] = []
        for window in range(10, 201, 10):
            found += [claim.job_id for claim in ledger.claim(tuple(Lane), window=window).jobs]
        store.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        claimed = [job_id for found in pool.map(claim_all, range(4)) for job_id in found]

    assert sorted(claimed) == sorted(map(job_id_of, names))


@pytest.mark.parametrize("lane", Lane)
def test_the_servers_own_clock_does_as_well(store: Store, lane: Lane) -> None:
    ledger = Ledger(store, lease_ttl_s=LEASE_TTL_S, attempts_max=ATTEMPTS_MAX)
    ledger.submit([make_submission("a"), make_submission("b")], batch=BATCH, lane=lane)

    claims = ledger.claim([lane], window=9)
    held = ledger.begin_step(claims.jobs[0].job_id, claims.jobs[0].lease_token, Step.VALIDATE, run="run")

    assert [claim.job_id for claim in claims.jobs] == [job_id_of("a"), job_id_of("b")]
    ledger.record_step(held)
    assert ledger.states([held.job_id]) == [State.ACTIVE]


def test_times_that_are_round_numbers_are_read_back(bench: Bench, clock: Clock) -> None:
    clock.now_s = 2_000_000_000.0
    bench.bring_in("a")

    assert bench.ledger.counts(BATCH).created_at == 2_000_000_000.0
