"""Bringing dead letters and cancelled jobs back, and looking at dead letters by their reasons."""

from __future__ import annotations

import pytest

from pipeline.job import Lane, Reason, State, Step, job_id_of
from pipeline.ledger import CANCELLED, Cancelled, Control, Ledger
from pipeline.ledger.control import RETRY_BUNDLE
from tests.integration.ledger.bench import BATCH, REASON, Bench, make_wait


def test_a_dead_letter_comes_back_where_it_stood_with_its_attempts_forgiven(
    bench: Bench, control: Control
) -> None:
    bench.ledger.postpone(bench.held(), make_wait(0, costs_attempt=True))
    bench.bury("a", step=Step.UPLOAD_MEDIA)
    bench.is_woken()

    assert control.retry(BATCH) == 1

    job = bench.job()
    assert (job["state"], job["step"], job["attempts"], job["call_id"]) == ("pending", "created", "0", "77")
    assert job.keys().isdisjoint({"code", "message", "request_id", "dead_step", "died_at"})
    assert control.dead_letters(BATCH, most=9) == []
    assert bench.is_woken()
    assert bench.claim()[0].steps == (Step.UPLOAD_MEDIA,)


def test_only_what_died_of_one_reason_may_be_brought_back(bench: Bench, control: Control) -> None:
    bench.bury("a", "b", code="refused")
    bench.bury("c", code="media_missing")

    assert control.retry(BATCH, code="media_missing") == 1
    assert states_of(bench, "abc") == [State.DEAD, State.DEAD, State.PENDING]


def test_single_dead_letters_may_be_brought_back(bench: Bench, control: Control) -> None:
    bench.bury("a", "b")
    bench.submit("c")

    assert control.retry(job_ids=[job_id_of(name) for name in "bcz"]) == 1
    assert states_of(bench, "abcz") == [State.DEAD, State.PENDING, State.PENDING, None]


def test_batch_reason_and_id_narrow_each_other(bench: Bench, control: Control) -> None:
    bench.bury("a", batch="one")
    bench.bury("b", batch="two")
    bench.bury("c", batch="two", code="media_missing")
    everybody = [job_id_of(name) for name in "abc"]

    assert control.retry("two", code="refused", job_ids=everybody) == 1
    assert states_of(bench, "abc") == [State.DEAD, State.PENDING, State.DEAD]


def test_without_a_batch_those_of_every_batch_come_back(bench: Bench, control: Control) -> None:
    bench.bury("a", batch="one")
    bench.bury("b", batch="two", lane=Lane.LIVE)
    bench.bury("c", batch="two", code="media_missing")

    assert control.retry(code="refused") == 2
    assert states_of(bench, "abc") == [State.PENDING, State.PENDING, State.DEAD]


def test_only_the_batch_asked_for_comes_back(bench: Bench, control: Control) -> None:
    bench.bury("a", batch="one")
    bench.bury("b", batch="two")

    assert control.retry("two") == 1
    assert control.retry("two") == 0
    assert bench.ledger.counts("one").dead == 1


@pytest.mark.parametrize("apart_s", [0.0, 0.001], ids=["at_one_moment", "one_after_another"])
def test_more_dead_letters_than_one_bundle_holds_all_come_back(bench: Bench, apart_s: float) -> None:
    names = [f"job-{number}" for number in range(2 * RETRY_BUNDLE + 10)]
    bench.submit(*names)
    bench.clock.advance(1)
    for claim in bench.claim(window=len(names)):
        bench.ledger.bury(bench.begin(claim), REASON)
        bench.clock.advance(apart_s)

    assert bench.control.retry(BATCH, code="none such") == 0
    assert bench.control.retry(BATCH) == len(names)
    assert bench.ledger.counts(BATCH).pending == len(names)


def test_cancelled_jobs_come_back_when_that_is_asked_for(bench: Bench, control: Control) -> None:
    bench.bury("b", step=Step.UPLOAD_MEDIA)
    bench.submit("a", lane=Lane.LIVE)
    control.cancel(BATCH)
    bench.bury("c")

    assert control.retry(BATCH) == 1
    assert states_of(bench, "abc") == [State.CANCELLED, State.CANCELLED, State.PENDING]
    assert control.retry(BATCH, code="refused") == 0
    assert control.retry(BATCH, code=CANCELLED) == 2

    assert states_of(bench, "ab") == [State.PENDING] * 2
    assert bench.ledger.counts(BATCH).cancelled_at == 0
    bench.clock.advance(1)
    assert {claim.steps[0] for claim in bench.claim()} == {Step.VALIDATE, Step.UPLOAD_MEDIA}


def test_more_cancelled_jobs_than_one_bundle_holds_all_come_back(bench: Bench, control: Control) -> None:
    names = [f"job-{number}" for number in range(2 * RETRY_BUNDLE)]
    bench.submit(*names)

    assert control.cancel(BATCH) == Cancelled(len(names), active=0)
    assert control.retry(BATCH, code=CANCELLED) == len(names)
    assert bench.ledger.counts(BATCH).pending == len(names)


def test_a_cancelled_job_that_is_named_comes_back(bench: Bench, control: Control) -> None:
    bench.submit("a", "b")
    control.cancel(BATCH)

    assert control.retry(code="refused", job_ids=[job_id_of("a")]) == 0
    assert control.retry(job_ids=[job_id_of("a")]) == 1
    assert states_of(bench, "ab") == [State.PENDING, State.CANCELLED]


def test_what_was_active_at_a_cancel_that_was_taken_back_is_not_cancelled(
    bench: Bench, control: Control, ledger: Ledger
) -> None:
    held = bench.held()
    control.cancel(BATCH)

    assert control.retry(BATCH, code=CANCELLED) == 0

    assert ledger.counts(BATCH).cancelled_at == 0
    assert ledger.postpone(held, make_wait(0)) is State.PENDING


def test_what_is_brought_back_into_a_paused_batch_waits_there(bench: Bench, control: Control) -> None:
    bench.bury("a")
    control.pause(BATCH)

    assert control.retry(BATCH) == 1
    assert bench.claim() == []
    control.resume(BATCH)
    assert len(bench.claim()) == 1


def test_dead_letters_are_grouped_by_reason_the_most_frequent_first(bench: Bench, control: Control) -> None:
    bench.bury("a", code="media_missing")
    bench.bury("b", "c", code="refused", step=Step.UPLOAD_MEDIA)
    bench.clock.advance(1)
    bench.ledger.bury(bench.held("d"), Reason("refused", "primaryUser is unknown", "req-9"))
    bench.bury("e", batch="other")

    refused, missing = control.dead_reasons(BATCH)

    assert (refused.code, refused.count, refused.steps) == (
        "refused",
        3,
        {Step.VALIDATE: 1, Step.UPLOAD_MEDIA: 2},
    )
    assert (refused.example.client_unique_id, refused.example.message) == ("d", "primaryUser is unknown")
    assert (refused.example.request_id, refused.example.died_at) == ("req-9", bench.clock.now_s)
    assert (missing.code, missing.count, missing.example.client_unique_id) == ("media_missing", 1, "a")


def test_a_reason_is_gone_with_the_last_that_died_of_it(bench: Bench, control: Control) -> None:
    bench.bury("a", code="media_missing")
    bench.bury("b", "c")

    control.retry(job_ids=[job_id_of("a"), job_id_of("b")])

    assert [(group.code, group.count) for group in control.dead_reasons(BATCH)] == [("refused", 1)]
    control.cancel(BATCH)
    assert control.dead_reasons(BATCH) == []
    assert control.dead_letters(BATCH, most=9) == []


def test_dead_letters_of_one_reason_may_be_read_alone(bench: Bench, control: Control) -> None:
    for name, code in (("a", "refused"), ("b", "media_missing"), ("c", "refused")):
        bench.bury(name, code=code)
        bench.clock.advance(1)

    def found(**options: str) -> list[str]:
        return [letter.client_unique_id for letter in control.dead_letters(BATCH, most=9, **options)]

    assert found() == ["c", "b", "a"]
    assert found(code="refused") == ["c", "a"]
    assert found(code="none such") == []


def states_of(bench: Bench, names: str) -> list[State | None]:
    return bench.ledger.states([job_id_of(name) for name in names])
