"""What other systems hand recordings in by: one or many, once, with an answer that holds."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline import Pipeline
from pipeline.errors import CallInvalid, Conflict, LedgerUnreachable, RecordingUnknown, SettingsInvalid
from pipeline.job import Lane, Reason, Receipt, State, job_id_of
from pipeline.ledger import SUBMIT_BUNDLE, Control, Ledger, Manifests
from pipeline.settings import Settings
from pipeline.store import Store
from tests.recordings import make_call
from tests.servers import running_server
from tests.waiting import await_true


@pytest.fixture
def pipeline(server_url: str, namespace: str) -> Iterator[Pipeline]:
    with Pipeline(Settings(redis_url=server_url, namespace=namespace)) as opened:
        yield opened


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store, lease_ttl_s=30.0, attempts_max=3)


def make_recording(name: str, **overrides: Any) -> dict[str, Any]:
    return {"call": make_call(name, **overrides), "media": "a.wav"}


def results_of(answers: list[Any]) -> list[str]:
    return [each.result if isinstance(each, Receipt) else each.code for each in answers]


def test_a_recording_is_written_when_its_receipt_is_there(pipeline: Pipeline, ledger: Ledger) -> None:
    receipt = pipeline.enqueue(make_call("pbx-1"), media="a.wav")

    assert (receipt.job_id, receipt.state, receipt.is_new) == (job_id_of("pbx-1"), State.PENDING, True)
    assert receipt.batch == "live"
    assert len(ledger.claim([Lane.LIVE], window=9).jobs) == 1


def test_the_same_call_handed_in_twice_is_one_call(pipeline: Pipeline, ledger: Ledger) -> None:
    call = make_call("pbx-1")
    pipeline.enqueue(call, media="a.wav")

    again = pipeline.enqueue(dict(reversed(call.items())), media="a.wav")

    assert (again.result, again.is_new, again.state) == ("known", False, State.PENDING)
    assert ledger.counts("live").total == 1


@pytest.mark.parametrize(("title", "media"), [("other", "a.wav"), ("Call", "b.wav")])
def test_other_content_under_a_known_id_is_a_conflict_that_says_what_is_there(
    pipeline: Pipeline, title: str, media: str
) -> None:
    pipeline.enqueue(make_call("pbx-1", title="Call"), media="a.wav")

    with pytest.raises(Conflict, match=r"'pbx-1' is known .* pending in the batch 'live'") as refused:
        pipeline.enqueue(make_call("pbx-1", title=title), media=media)

    assert (refused.value.state, refused.value.batch, refused.value.code) == ("pending", "live", "conflict")
    assert [problem.field for problem in refused.value.problems] == ["clientUniqueId"]
    record = pipeline.status("pbx-1")
    assert record is not None
    assert record.state == State.PENDING


def test_every_field_that_is_wrong_is_named_and_nothing_is_written(
    pipeline: Pipeline, ledger: Ledger
) -> None:
    with pytest.raises(CallInvalid) as refused:
        pipeline.enqueue(make_call("pbx-1", direction="in", parties=[{"mediaChannelId": 2}]), media="a.wav")

    assert {problem.field for problem in refused.value.problems} >= {"direction", "parties.0.mediaChannelId"}
    assert ledger.batches() == []


@pytest.mark.parametrize(
    ("recording", "field"),
    [
        ({"call": make_call("a")}, "downloadMediaUrl"),
        ({"call": make_call("a"), "media": " "}, "media"),
        ({"call": make_call("a"), "media": 5}, "media"),
        ({"call": make_call("a"), "media": "a\0b"}, "media"),
        ({"call": make_call("a"), "media": "a.wav", "medai": "b.wav"}, "medai"),
        ({"call": "text", "media": "a.wav"}, "call"),
        (make_call("a"), "call"),
        ("text", ""),
        (make_recording("a", customData="x" * (1 << 20)), ""),
    ],
)
def test_what_is_no_recording_is_refused_by_its_field(
    pipeline: Pipeline, ledger: Ledger, recording: Any, field: str
) -> None:
    (answer,) = pipeline.enqueue_many([recording])

    assert isinstance(answer, CallInvalid)
    assert [problem.field for problem in answer.problems][:1] == [field]
    assert ledger.batches() == []


def test_many_are_answered_in_order_whatever_is_wrong_with_some(pipeline: Pipeline, ledger: Ledger) -> None:
    pipeline.enqueue(make_call("taken"), media="a.wav")
    recordings = [make_recording(f"pbx-{number}") for number in range(2 * SUBMIT_BUNDLE)]
    recordings[3] = make_recording("pbx-3", direction="in")
    recordings[SUBMIT_BUNDLE] = make_recording("taken", title="other")
    recordings[SUBMIT_BUNDLE + 1] = make_recording("pbx-0")

    answers = pipeline.enqueue_many(iter(recordings))

    expected = ["new"] * len(recordings)
    expected[3], expected[SUBMIT_BUNDLE], expected[SUBMIT_BUNDLE + 1] = "call_invalid", "conflict", "known"
    assert results_of(answers) == expected
    assert [each.job_id for each in answers if isinstance(each, Receipt)][-1] == job_id_of(
        f"pbx-{2 * SUBMIT_BUNDLE - 1}"
    )
    assert ledger.counts("live").total == 2 * SUBMIT_BUNDLE - 2


def test_reports_list_what_came_without_a_manifest(pipeline: Pipeline, store: Store) -> None:
    pipeline.enqueue(make_call("pbx-1"), media="a.wav")
    pipeline.enqueue(make_call("pbx-1"), media="a.wav")
    pipeline.enqueue_many([make_recording("pbx-2")])

    rows = list(Manifests(store).records("live"))

    assert [(row.manifest, row.line, row.client_unique_id) for row in rows] == [
        ("", 1, "pbx-1"),
        ("", 2, "pbx-2"),
    ]


def test_lane_and_batch_may_be_others(server_url: str, namespace: str, ledger: Ledger) -> None:
    with Pipeline(Settings(redis_url=server_url, namespace=namespace), batch="crm") as pipeline:
        receipt = pipeline.enqueue(make_call("pbx-1"), media="a.wav", lane="backfill")

    assert receipt.batch == "crm"
    assert ledger.claim([Lane.LIVE], window=9).jobs == ()
    assert len(ledger.claim([Lane.BACKFILL], window=9).jobs) == 1


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 101])
def test_a_name_that_no_batch_can_have_is_refused(server_url: str, name: str) -> None:
    with pytest.raises(SettingsInvalid, match="batch's name"):
        Pipeline(Settings(redis_url=server_url), batch=name)


def test_what_is_written_is_told_when_the_server_fails_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = staticmethod(lambda settings: Store(settings.redis_url, settings.namespace, retries=0))
    monkeypatch.setattr(Store, "from_settings", impatient)
    with running_server() as server, Pipeline(Settings(redis_url=server.url)) as pipeline:
        recordings = [make_recording(f"pbx-{number}") for number in range(5 * SUBMIT_BUNDLE)]

        written = f"gong-ingest:job:{job_id_of(f'pbx-{SUBMIT_BUNDLE}')}"

        def stopping() -> Iterator[Mapping[str, Any]]:
            for number, each in enumerate(recordings):
                if number == 3 * SUBMIT_BUNDLE:
                    await_true(lambda: server.client.exists(written), "the second bundle is written")
                    server.kill()
                yield each

        with pytest.raises(LedgerUnreachable) as failed:
            pipeline.enqueue_many(stopping())
        answered = len(failed.value.answers)

        server.start()
        assert answered >= 2 * SUBMIT_BUNDLE
        assert {each.result for each in failed.value.answers} == {"new"}
        again = pipeline.enqueue_many(recordings)
        assert results_of(again[:answered]) == ["known"] * answered
        assert pipeline._ledger.counts("live").total == len(recordings)


def test_waiting_ends_with_the_final_state(pipeline: Pipeline, ledger: Ledger) -> None:
    pipeline.enqueue(make_call("pbx-1"), media="a.wav")
    found = []
    waiting = threading.Thread(target=lambda: found.append(pipeline.wait("pbx-1", timeout_s=60)))
    waiting.start()

    bring_in(ledger)

    waiting.join()
    (record,) = found
    assert (record.state, record.call_id) == (State.DONE, "77")
    assert record.url == "https://app.gong.io/call?id=77"


def bring_in(ledger: Ledger) -> None:
    """Bring one recording to its end, as its steps would."""
    (claim,) = ledger.claim([Lane.LIVE], window=9).jobs
    details = [{}, {"call_id": "77"}, {"url": "https://app.gong.io/call?id=77", "bytes": "4"}]
    for step, each in zip(claim.steps, details, strict=True):
        held = ledger.begin_step(claim.job_id, claim.lease_token, step, run=step)
        ledger.record_step(held, dict(each))


def test_waiting_ends_in_time_and_does_not_ask_all_the_while(
    pipeline: Pipeline, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.enqueue(make_call("pbx-1"), media="a.wav")
    slept: list[float] = []
    now_s = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now_s[0] += seconds

    monkeypatch.setattr("pipeline.client.time.sleep", sleep)
    monkeypatch.setattr("pipeline.client.time.monotonic", lambda: now_s[0])

    with pytest.raises(TimeoutError, match="'pbx-1' is still pending after 100 s"):
        pipeline.wait("pbx-1", timeout_s=100)

    assert sum(slept) == pytest.approx(100)
    assert min(slept[:-1]) >= 0.25
    assert max(slept) <= 5
    assert len(slept) < 60


def test_what_is_dead_or_cancelled_is_brought_back_and_nothing_else_is(
    pipeline: Pipeline, ledger: Ledger
) -> None:
    pipeline.enqueue(make_call("pbx-1"), media="a.wav")
    assert pipeline.retry("pbx-1") is State.PENDING
    pipeline.cancel("pbx-1")
    assert pipeline.retry("pbx-1") is State.PENDING
    assert ledger.counts("live").pending == 1

    (claim,) = ledger.claim([Lane.LIVE], window=9).jobs
    assert pipeline.retry("pbx-1") is State.ACTIVE
    held = ledger.begin_step(claim.job_id, claim.lease_token, claim.steps[0], run="1")
    ledger.bury(held, Reason("media_missing", "It is not there."))
    assert pipeline.retry("pbx-1") is State.PENDING


def test_a_recording_may_have_a_batch_of_its_own(pipeline: Pipeline, ledger: Ledger) -> None:
    assert pipeline.enqueue(make_call("pbx-1"), media="a.wav", batch="crm").batch == "crm"
    assert pipeline.hand_in(make_recording("pbx-2"), batch="crm").is_new
    assert results_of(pipeline.enqueue_many([make_recording("pbx-3")], batch="crm")) == ["new"]

    assert ledger.counts("crm").total == 3
    with pytest.raises(SettingsInvalid, match="batch's name"):
        pipeline.enqueue(make_call("pbx-4"), media="a.wav", batch="")


def test_a_store_of_the_callers_own_is_his_to_close(server_url: str, namespace: str, store: Store) -> None:
    with Pipeline(Settings(redis_url=server_url, namespace=namespace), store=store) as pipeline:
        pipeline.enqueue(make_call("pbx-1"), media="a.wav")
    store.ping()


def test_what_waits_is_counted_by_lane(pipeline: Pipeline, ledger: Ledger, store: Store) -> None:
    for number, (lane, batch) in enumerate(
        [("live", "a"), ("live", "b"), ("backfill", "a"), ("live", "paused"), ("live", "cancelled")]
    ):
        pipeline.enqueue(make_call(f"pbx-{number}"), media="a.wav", lane=Lane(lane), batch=batch)
    control = Control(store)
    control.pause("paused")
    control.cancel("cancelled")

    assert (ledger.backlog(Lane.LIVE), ledger.backlog(Lane.BACKFILL)) == (3, 1)
    ledger.claim([Lane.LIVE], window=1)
    assert ledger.backlog(Lane.LIVE) == 2


def test_what_is_not_known_is_told_as_such(pipeline: Pipeline) -> None:
    assert pipeline.status("pbx-1") is None
    with pytest.raises(RecordingUnknown, match="'pbx-1'"):
        pipeline.wait("pbx-1", timeout_s=60)
    with pytest.raises(RecordingUnknown, match="'pbx-1'"):
        pipeline.cancel("pbx-1")
    with pytest.raises(RecordingUnknown, match="'pbx-1'"):
        pipeline.retry("pbx-1")


def test_a_cancelled_recording_stays_so_when_it_is_handed_in_again(pipeline: Pipeline) -> None:
    pipeline.enqueue(make_call("pbx-1"), media="a.wav")
    pipeline.enqueue(make_call("pbx-2"), media="a.wav")

    assert pipeline.cancel("pbx-1") is State.CANCELLED

    assert pipeline.enqueue(make_call("pbx-1"), media="a.wav").state is State.CANCELLED
    assert pipeline.wait("pbx-1", timeout_s=0).state == State.CANCELLED
    other = pipeline.status("pbx-2")
    assert other is not None
    assert other.state == State.PENDING


def test_threads_may_share_one(pipeline: Pipeline, ledger: Ledger) -> None:
    def hand_in(start: int) -> None:
        for number in range(start, start + 50):
            pipeline.enqueue(make_call(f"pbx-{number}"), media="a.wav")

    threads = [threading.Thread(target=hand_in, args=(start,)) for start in (0, 25, 50, 75)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ledger.counts("live").pending == 125


def test_without_a_configured_server_the_embedded_one_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("GONG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GONG_INGEST_CONFIG", os.devnull)
    monkeypatch.setenv("GONG_INGEST_DATA_DIR", str(tmp_path))

    with Pipeline.from_env() as pipeline:
        assert pipeline.enqueue(make_call("pbx-1"), media="a.wav").is_new
    with Pipeline.from_env() as pipeline:
        assert not pipeline.enqueue(make_call("pbx-1"), media="a.wav").is_new
