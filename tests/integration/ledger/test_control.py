"""Pausing, resuming and cancelling batches: what is claimed, and what becomes of what is leased."""

from __future__ import annotations

import pytest

from pipeline.job import Lane, Reason, State, Step, job_id_of
from pipeline.ledger import Cancelled, Control
from tests.integration.ledger.bench import BATCH, LEASE_TTL_S, Bench, make_wait, names_of


def state_of(bench: Bench, name: str = "a") -> State | None:
    (state,) = bench.ledger.states([job_id_of(name)])
    return state


def test_nothing_of_a_paused_batch_is_claimed(bench: Bench, control: Control) -> None:
    bench.submit("a", "b")
    bench.submit("live", lane=Lane.LIVE)
    bench.submit("other", batch="other")

    assert control.pause(BATCH)

    assert names_of(bench.claim(), ["other"]) == ["other"]
    assert bench.ledger.counts(BATCH).paused_at == bench.clock.now_s
    assert bench.ledger.claim(tuple(Lane), window=9).next_due_s is None


def test_a_resumed_batch_goes_on_in_every_lane(bench: Bench, control: Control) -> None:
    bench.submit("a", "b")
    bench.submit("live", lane=Lane.LIVE)
    control.pause(BATCH)
    bench.is_woken()

    assert control.resume(BATCH)

    assert bench.is_woken()
    assert bench.ledger.counts(BATCH).paused_at == 0
    assert names_of(bench.claim(), ["live", "a", "b"]) == ["live", "a", "b"]


def test_a_resumed_batch_has_its_turn_when_its_first_job_is_due(bench: Bench, control: Control) -> None:
    bench.ledger.postpone(bench.held(), make_wait(40))
    control.pause(BATCH)
    bench.clock.advance(10)
    control.resume(BATCH)

    assert bench.ledger.claim(tuple(Lane), window=9).next_due_s == 30


def test_to_pause_or_resume_twice_changes_nothing(bench: Bench, control: Control) -> None:
    bench.submit("a")
    paused_at = bench.clock.now_s
    control.pause(BATCH)
    bench.clock.advance(1)

    assert not control.pause(BATCH)
    assert bench.ledger.counts(BATCH).paused_at == paused_at
    assert control.resume(BATCH)
    assert not control.resume(BATCH)
    assert len(bench.claim()) == 1


def test_what_is_submitted_to_a_paused_batch_waits_there(bench: Bench, control: Control) -> None:
    bench.submit("a")
    control.pause(BATCH)

    bench.submit("b", lane=Lane.LIVE)

    assert bench.claim() == []
    control.resume(BATCH)
    assert len(bench.claim()) == 2


def test_what_is_leased_when_its_batch_is_paused_goes_on_to_its_end(bench: Bench, control: Control) -> None:
    claim = bench.claimed()
    control.pause(BATCH)

    for step in claim.steps:
        bench.ledger.record_step(bench.begin(claim, step))

    assert state_of(bench) is State.DONE


@pytest.mark.parametrize("keep", [True, False])
def test_what_is_put_off_while_its_batch_is_paused_waits_there(
    bench: Bench, control: Control, keep: bool
) -> None:
    held = bench.held()
    control.pause(BATCH)

    expected = State.ACTIVE if keep else State.PENDING
    assert bench.ledger.postpone(held, make_wait(0, keep=keep)) is expected

    bench.clock.advance(LEASE_TTL_S)
    assert bench.claim() == []
    assert state_of(bench) is State.PENDING
    control.resume(BATCH)
    assert len(bench.claim()) == 1


def test_a_lease_that_runs_out_while_its_batch_is_paused_is_not_leased_anew(
    bench: Bench, control: Control
) -> None:
    lost = bench.claimed("lost", lane=Lane.LIVE)
    begun = bench.held("begun", Step.CREATE_CALL)
    control.pause(BATCH)
    bench.clock.advance(LEASE_TTL_S)

    assert bench.claim() == []

    assert [state_of(bench, name) for name in ("lost", "begun")] == [State.PENDING] * 2
    assert [bench.job(name)["attempts"] for name in ("lost", "begun")] == ["0", "1"]
    control.resume(BATCH)
    again = {claim.job_id: claim for claim in bench.claim()}
    assert again[lost.job_id].lease_token > lost.lease_token
    assert again[begun.job_id].steps[0] is Step.CREATE_CALL


def test_rescues_of_a_paused_batch_take_no_place_of_others(bench: Bench, control: Control) -> None:
    bench.claimed()
    control.pause(BATCH)
    bench.clock.advance(LEASE_TTL_S)
    bench.submit("b", batch="other")

    assert names_of(bench.claim(window=1), ["b"]) == ["b"]


def test_a_job_that_its_workers_do_not_survive_dies_in_a_paused_batch_too(
    bench: Bench, control: Control
) -> None:
    bench.attempts_max = 1
    bench.held("a", Step.CREATE_CALL)
    control.pause(BATCH)
    bench.clock.advance(LEASE_TTL_S)

    assert bench.claim() == []

    (letter,) = control.dead_letters(BATCH, most=9)
    assert (letter.code, letter.step) == ("worker_lost", Step.CREATE_CALL)


def test_pending_jobs_and_dead_letters_are_cancelled_at_once(bench: Bench, control: Control) -> None:
    bench.bring_in("done")
    bench.bury("dead")
    bench.submit("a", "b")
    bench.submit("live", lane=Lane.LIVE)
    bench.submit("other", batch="other")

    assert control.cancel(BATCH) == Cancelled(4, active=0)

    assert [state_of(bench, name) for name in ("done", "dead", "a", "b", "live")] == [
        State.DONE,
        *[State.CANCELLED] * 4,
    ]
    counts = bench.ledger.counts(BATCH)
    assert (counts.pending, counts.dead, counts.cancelled, counts.done) == (0, 0, 4, 1)
    assert counts.cancelled_at == bench.clock.now_s
    assert names_of(bench.claim(), ["other"]) == ["other"]


def test_what_is_leased_when_its_batch_is_cancelled_goes_on_to_its_end(
    bench: Bench, control: Control
) -> None:
    claim = bench.claimed()
    assert control.cancel(BATCH) == Cancelled(0, active=1)

    for step in claim.steps:
        bench.ledger.record_step(bench.begin(claim, step))

    assert state_of(bench) is State.DONE


@pytest.mark.parametrize("keep", [True, False])
def test_what_is_put_off_after_its_batch_was_cancelled_is_cancelled(
    bench: Bench, control: Control, keep: bool
) -> None:
    claim = bench.claimed()
    control.cancel(BATCH)

    waits_its_turn = make_wait(5, keep=True, reason=Reason("waits_second"))
    assert bench.ledger.postpone(bench.begin(claim), waits_its_turn) is State.ACTIVE
    assert bench.ledger.postpone(bench.begin(claim), make_wait(5, keep=keep)) is State.CANCELLED

    assert state_of(bench) is State.CANCELLED
    assert bench.lease_ends_in_s() is None


def test_what_is_given_back_after_its_batch_was_cancelled_is_cancelled(
    bench: Bench, control: Control
) -> None:
    claim = bench.claimed()
    control.cancel(BATCH)

    bench.ledger.give_back(claim)

    assert state_of(bench) is State.CANCELLED
    assert bench.lease_ends_in_s() is None


def test_a_lease_that_runs_out_after_its_batch_was_cancelled_is_not_leased_anew(
    bench: Bench, control: Control
) -> None:
    bench.held()
    control.cancel(BATCH)
    bench.clock.advance(LEASE_TTL_S)

    assert bench.claim() == []
    assert state_of(bench) is State.CANCELLED


def test_what_dies_after_its_batch_was_cancelled_is_a_dead_letter(bench: Bench, control: Control) -> None:
    """Nobody would learn of it otherwise: its call may have been created."""
    bench.attempts_max = 1
    held = bench.held()
    control.cancel(BATCH)

    assert bench.ledger.postpone(held, make_wait(0, costs_attempt=True)) is State.DEAD

    assert len(control.dead_letters(BATCH, most=9)) == 1


def test_new_rows_bring_a_cancelled_batch_to_life_for_themselves_alone(
    bench: Bench, control: Control
) -> None:
    held = bench.held("active")
    bench.submit("a")
    control.cancel(BATCH)

    receipts = bench.submit("a", "b")

    assert [(receipt.result, receipt.state) for receipt in receipts] == [
        ("known", State.CANCELLED),
        ("new", State.PENDING),
    ]
    assert bench.ledger.counts(BATCH).cancelled_at == 0
    assert bench.ledger.postpone(held, make_wait(0)) is State.CANCELLED
    (claim,) = bench.claim()
    assert claim.job_id == job_id_of("b")
    bench.ledger.give_back(claim)
    assert [state_of(bench, name) for name in ("active", "a", "b")] == [
        State.CANCELLED,
        State.CANCELLED,
        State.PENDING,
    ]


def test_a_batch_may_be_cancelled_again_and_again(bench: Bench, control: Control) -> None:
    for name in "abc":
        bench.bury(f"dead-{name}")
        bench.submit(name)
        assert control.cancel(BATCH) == Cancelled(2, active=0)
        assert control.cancel(BATCH) == Cancelled(0, active=0)

    assert bench.ledger.counts(BATCH).cancelled == 6
    assert control.retry(BATCH, code="cancelled") == 6
    bench.clock.advance(1)
    assert len(bench.claim()) == 6


def test_a_batch_without_anything_to_cancel_is_not_cancelled(bench: Bench, control: Control) -> None:
    bench.bring_in()

    assert control.cancel(BATCH) == Cancelled(0, active=0)
    assert bench.ledger.counts(BATCH).cancelled_at == 0


def test_a_batch_that_is_cancelled_while_it_is_paused_stays_paused(bench: Bench, control: Control) -> None:
    bench.submit("a")
    control.pause(BATCH)
    control.cancel(BATCH)

    bench.submit("b")

    assert bench.claim() == []
    control.resume(BATCH)
    assert names_of(bench.claim(), ["b"]) == ["b"]


def test_nothing_is_written_about_a_batch_that_is_not_there(bench: Bench, control: Control) -> None:
    assert not control.pause("none")
    assert not control.resume("none")
    assert control.cancel("none") == Cancelled(0, active=0)
    assert control.retry("none") == 0
    assert control.retry("none", code="cancelled") == 0
    assert bench.server.client.keys(f"{bench.namespace}:*") == []
