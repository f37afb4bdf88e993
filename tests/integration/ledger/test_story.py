"""The story of a recording, and how it is found by its call."""

from __future__ import annotations

import pytest

from pipeline.job import Lane, Reason, State, Step, job_id_of
from pipeline.ledger import Control, Event, Ledger
from pipeline.ledger.manifests import CHUNK_LINES, Manifests
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.ledger.bench import ATTEMPTS_MAX, BATCH, LEASE_TTL_S, REASON, Bench, make_wait

STORY_MAX = 20


def story_of(control: Control, name: str) -> tuple[Event, ...]:
    story = control.story(job_id_of(name))
    assert story
    return story.events


def test_what_is_not_known_has_no_story(control: Control) -> None:
    assert control.story(job_id_of("nobody")) is None


def test_a_recording_without_trouble_has_none_to_tell(bench: Bench, control: Control) -> None:
    bench.bring_in("pbx-1")
    story = control.story(job_id_of("pbx-1"))
    assert story
    assert (story.record.state, story.events, story.lane) == ("done", (), "")


def test_each_failed_attempt_is_told_with_what_the_api_said(
    bench: Bench, ledger: Ledger, control: Control, clock: Clock
) -> None:
    held = bench.held("pbx-1")
    ledger.postpone(held, make_wait(costs_attempt=True))
    clock.advance(10)
    held = bench.held("pbx-1")
    ledger.bury(held, Reason("call_invalid", "It is wrong.", "req-2"))

    first, second = story_of(control, "pbx-1")
    assert (first.step, first.code, first.message, first.request_id) == ("validate", *REASON)
    assert (second.code, second.message, second.request_id) == ("call_invalid", "It is wrong.", "req-2")
    assert second.at == clock()
    assert first.at == clock() - 10


@pytest.mark.parametrize("code", ["waits_second", "waits_gate", "waits_day"])
def test_to_wait_for_its_turn_is_no_story(bench: Bench, ledger: Ledger, control: Control, code: str) -> None:
    ledger.postpone(bench.held("pbx-1"), make_wait(reason=Reason(code)))
    assert story_of(control, "pbx-1") == ()


def test_only_the_last_of_it_is_kept(bench: Bench, ledger: Ledger, control: Control, clock: Clock) -> None:
    for number in range(STORY_MAX + 5):
        ledger.postpone(bench.held("pbx-1"), make_wait(0.0, reason=Reason(f"code_{number}")))
        clock.advance(1)
    codes = [event.code for event in story_of(control, "pbx-1")]
    assert codes == [f"code_{number}" for number in range(5, STORY_MAX + 5)]


def test_it_is_kept_when_all_went_well_in_the_end_and_forgotten_with_its_batch(
    bench: Bench, ledger: Ledger, control: Control
) -> None:
    ledger.postpone(bench.held("pbx-1"), make_wait(0.0, costs_attempt=True))
    bench.bring_in("pbx-1")
    assert [event.code for event in story_of(control, "pbx-1")] == [REASON.code]
    Manifests(bench.store).forget(BATCH)
    assert control.story(job_id_of("pbx-1")) is None
    assert not [key for key in bench.server.client.keys(f"{bench.namespace}:*") if "story" in key]


def test_a_lost_worker_and_a_person_who_brings_back_are_told(
    bench: Bench, ledger: Ledger, control: Control, clock: Clock
) -> None:
    for _ in range(ATTEMPTS_MAX):
        bench.held("pbx-1")
        clock.advance(LEASE_TTL_S + 1)
    ledger.claim([Lane.BACKFILL], window=10)
    control.retry(BATCH)
    codes = [event.code for event in story_of(control, "pbx-1")]
    assert codes == ["worker_lost"] * ATTEMPTS_MAX + ["brought_back"]
    story = control.story(job_id_of("pbx-1"))
    assert story
    assert story.record.state == State.PENDING


def test_it_tells_what_is_going_on(bench: Bench, ledger: Ledger, control: Control, clock: Clock) -> None:
    held = bench.held("pbx-1")
    bench.submit("pbx-2")
    ledger.record_step(held, {"size_bytes": "1000"})
    story = control.story(job_id_of("pbx-1"))
    assert story
    assert (story.lane, story.size_bytes, story.lease_ends_at) == ("backfill", 1000, clock() + LEASE_TTL_S)
    waiting = control.story(job_id_of("pbx-2"))
    assert waiting
    assert waiting.due_at == pytest.approx(clock(), abs=0.01)
    assert (waiting.worker, waiting.begun_at, waiting.lease_ends_at) == ("", None, None)


def test_a_job_is_found_by_its_call_among_many_rows(bench: Bench, ledger: Ledger, store: Store) -> None:
    manifests = Manifests(store)
    rows = 3 * CHUNK_LINES
    bench.submit(*(f"pbx-{number}" for number in range(rows)))
    for claim in ledger.claim([Lane.BACKFILL], window=rows).jobs:
        if claim.job_id == job_id_of(f"pbx-{rows - 1}"):
            for step in (Step.VALIDATE, Step.CREATE_CALL):
                held = ledger.begin_step(claim.job_id, claim.lease_token, step, run="1")
                ledger.record_step(
                    held, {"call_id": "7782342274025937895"} if step is Step.CREATE_CALL else {}
                )
    assert manifests.find_call("7782342274025937895") == job_id_of(f"pbx-{rows - 1}")
    assert manifests.find_call("7782342274025937896") is None
