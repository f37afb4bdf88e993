"""Reading the ledger: states, counts and batches."""

from __future__ import annotations

from pipeline.job import Counts, Lane, State, Step, job_id_of
from pipeline.ledger import LOOK_UP_BUNDLE, Ledger
from pipeline.store import Store
from tests.integration.ledger.bench import BATCH, REASON, Bench, make_wait


def test_states_come_in_the_order_of_the_ids(bench: Bench, ledger: Ledger) -> None:
    bench.bring_in("done")
    ledger.bury(bench.held("dead"), REASON)
    bench.claimed("active")
    bench.submit("pending")
    names = ["pending", "nobody", "dead", "active", "done"]

    assert ledger.states([job_id_of(name) for name in names]) == [
        State.PENDING,
        None,
        State.DEAD,
        State.ACTIVE,
        State.DONE,
    ]
    assert ledger.states([]) == []


def test_more_states_than_one_look_takes_are_all_found(bench: Bench, ledger: Ledger) -> None:
    names = [f"job-{number}" for number in range(2 * LOOK_UP_BUNDLE + 1)]
    bench.submit(*names[::2])

    states = ledger.states([job_id_of(name) for name in names])

    assert states == [State.PENDING, None] * LOOK_UP_BUNDLE + [State.PENDING]


def test_the_counts_of_a_batch_add_up_in_every_state(bench: Bench, ledger: Ledger) -> None:
    start_s = bench.clock.now_s
    bench.bring_in("done")
    ledger.bury(bench.held("dead", Step.CREATE_CALL), REASON)
    ledger.postpone(bench.held("waiting"), make_wait(60))
    bench.held("active", Step.UPLOAD_MEDIA)
    bench.submit("pending")
    bench.submit("elsewhere", batch="other")

    counts = ledger.counts(BATCH)

    assert counts == Counts(
        BATCH, pending=2, active=1, done=1, dead=1, created=2, uploaded=1, created_at=start_s
    )
    assert (counts.total, counts.waiting) == (5, 3)


def test_a_call_that_existed_before_is_counted_as_adopted(bench: Bench, ledger: Ledger) -> None:
    ledger.record_step(bench.held("a", Step.CREATE_CALL), {"call_id": "1", "adopted": "1"})
    ledger.record_step(bench.held("b", Step.CREATE_CALL), {"call_id": "2"})

    assert ledger.counts(BATCH).adopted == 1


def test_a_batch_that_is_not_there_counts_nothing(bench: Bench) -> None:
    assert bench.ledger.counts("none") == Counts("none")
    assert bench.control.dead_letters("none", most=9) == []


def test_batches_are_listed_newest_first(bench: Bench, ledger: Ledger) -> None:
    for batch in ("old", "middle", "new"):
        bench.submit(batch, batch=batch, lane=Lane.LIVE)
        bench.clock.advance(1)

    assert [counts.batch for counts in ledger.batches()] == ["new", "middle", "old"]


def test_a_batch_may_be_named_in_any_language(bench: Bench, ledger: Ledger) -> None:
    name = "Größe: ü 通話\t*?"
    bench.submit("a", batch=name)

    assert [counts.batch for counts in ledger.batches()] == [name]
    (claim,) = bench.claim()
    assert bench.begin(claim).batch == name


def test_namespaces_do_not_see_each_other(bench: Bench, server_url: str) -> None:
    bench.submit("a")
    store = Store(server_url, f"{bench.namespace}-other")
    other = Ledger(store, lease_ttl_s=30, attempts_max=3, clock=bench.clock)

    assert other.states([job_id_of("a")]) == [None]
    assert other.claim(tuple(Lane), window=9).jobs == ()
    assert other.batches() == []
    store.close()
