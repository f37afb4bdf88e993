"""One recording alone: what became of it, and taking it back."""

from __future__ import annotations

import pytest

from pipeline.job import Lane, Reason, State, Step, job_id_of
from pipeline.ledger import CANCELLED, Control, Manifests
from tests.integration.ledger.bench import BATCH, Bench, make_wait, names_of


def state_of(bench: Bench, name: str) -> State | None:
    (state,) = bench.ledger.states([job_id_of(name)])
    return state


def test_a_pending_job_is_cancelled_and_no_other(bench: Bench, control: Control) -> None:
    bench.submit("a", "b", lane=Lane.LIVE)

    assert control.cancel_job("a") is State.CANCELLED

    assert [state_of(bench, name) for name in "ab"] == [State.CANCELLED, State.PENDING]
    counts = bench.ledger.counts(BATCH)
    assert (counts.pending, counts.cancelled, counts.cancelled_at) == (1, 1, 0)
    assert names_of(bench.claim(), "ab") == ["b"]


def test_a_dead_letter_is_cancelled_and_no_other(bench: Bench, control: Control) -> None:
    bench.bury("a", "b")

    assert control.cancel_job("a") is State.CANCELLED

    (letter,) = control.dead_letters(BATCH, most=9)
    assert letter.client_unique_id == "b"
    counts = bench.ledger.counts(BATCH)
    assert (counts.dead, counts.cancelled) == (1, 1)


def test_what_is_active_or_final_stays_as_it_is(bench: Bench, control: Control) -> None:
    bench.bring_in("done")
    held = bench.held("active")
    bench.submit("gone")

    assert control.cancel_job("done") is State.DONE
    assert control.cancel_job("active") is State.ACTIVE
    assert [control.cancel_job("gone") for _ in "12"] == [State.CANCELLED] * 2
    assert control.cancel_job("unknown") is None
    # not even when it comes back: it was the recording beside it that was cancelled
    assert bench.ledger.postpone(held, make_wait()) is State.PENDING
    counts = bench.ledger.counts(BATCH)
    assert (counts.done, counts.pending, counts.cancelled) == (1, 1, 1)


def test_the_last_one_of_a_batch_takes_its_turn_along(bench: Bench, control: Control) -> None:
    bench.submit("a")

    control.cancel_job("a")

    assert bench.ledger.claim(tuple(Lane), window=9).next_due_s is None
    assert bench.server.client.exists(bench.key(f"turns:{Lane.BACKFILL}")) == 0


@pytest.mark.parametrize("how", ["batch", "id"])
def test_it_comes_back_with_the_cancelled_of_its_batch_or_alone(
    bench: Bench, control: Control, how: str
) -> None:
    bench.submit("a")
    control.cancel_job("a")
    bench.submit("b")
    control.cancel(BATCH)

    if how == "batch":
        assert control.retry(BATCH, code=CANCELLED) == 2
    else:
        assert control.retry(job_ids=[job_id_of("a")]) == 1

    bench.clock.advance(1)
    assert state_of(bench, "a") is State.PENDING
    assert "a" in names_of(bench.claim(), "ab")
    assert bench.server.client.exists(bench.key(f"cancelled:0:{BATCH}")) == 0


def test_it_is_forgotten_with_its_batch(bench: Bench, control: Control) -> None:
    bench.submit("a")
    control.cancel_job("a")

    assert Manifests(bench.store).forget(BATCH) == 1

    assert bench.server.client.keys(bench.key("*:*")) == []


def test_a_job_on_its_way_is_found_with_its_step(bench: Bench, control: Control) -> None:
    bench.held("a", Step.UPLOAD_MEDIA)

    found = control.find("a")

    assert found is not None
    assert (found.client_unique_id, found.job_id, found.batch) == ("a", job_id_of("a"), BATCH)
    assert (found.state, found.step, found.call_id) == (State.ACTIVE, "created", "77")


def test_a_done_job_is_found_with_its_call(bench: Bench, control: Control) -> None:
    held = bench.held("a", Step.UPLOAD_MEDIA)
    bench.ledger.record_step(held, {"bytes": "4", "url": "https://app.gong.io/call?id=77"})

    found = control.find("a")

    assert found is not None
    assert (found.state, found.call_id, found.bytes) == (State.DONE, "77", 4)
    assert found.url == "https://app.gong.io/call?id=77"
    assert found.client_unique_id == "a"


def test_a_dead_letter_is_found_with_its_reason(bench: Bench, control: Control) -> None:
    bench.ledger.bury(bench.held("a", Step.CREATE_CALL), Reason("refused", "No.", "req-1"))

    found = control.find("a")

    assert found is not None
    assert (found.state, found.step, found.attempts) == (State.DEAD, Step.CREATE_CALL, 0)
    assert (found.code, found.reason, found.request_id) == ("refused", "No.", "req-1")


def test_what_is_not_there_is_not_found(control: Control) -> None:
    assert control.find("a") is None


def test_a_cancelled_job_is_found_as_such(bench: Bench, control: Control) -> None:
    bench.submit("a")
    control.cancel_job("a")

    found = control.find("a")

    assert found is not None
    assert found.state == State.CANCELLED


def test_a_job_of_a_newer_version_is_found_without_its_payload(bench: Bench, control: Control) -> None:
    bench.submit("a")
    bench.server.client.set(bench.key(f"payload:{job_id_of('a')}"), "999\nnull\nxyz")

    found = control.find("a")

    assert found is not None
    assert (found.client_unique_id, found.state) == ("a", State.PENDING)
