"""The three steps on an API that works: what they send, and what is recorded of it."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from pipeline.job import Lane, State, Step
from pipeline.steps import Again, GoOn, Stop
from tests.integration.steps.bench import BATCH, MEDIA, Bench, beside, make_client
from tests.recordings import make_call, wav
from tests.simulators import Simulator
from tests.waiting import await_true


def call_in(api: Simulator, name: str) -> dict[str, Any]:
    (call,) = (call for call in api.record("requests=0")["calls"] if call["clientUniqueId"] == name)
    return dict(call)


def test_a_recording_goes_through_all_steps(bench: Bench, api: Simulator) -> None:
    bench.hand_in(title="Renewal")

    assert [bench.run(step) for step in Step] == [GoOn(), GoOn(), GoOn()]

    call, record, content = call_in(api, bench.name), bench.record(), bench.media.read_bytes()
    assert call["body"] == make_call(bench.name, title="Renewal")
    assert (call["creates"], call["uploads"]) == (1, 1)
    assert call["media"]["sha256"] == record.sha256 == hashlib.sha256(content).hexdigest()
    assert (call["media"]["file_name"], call["media"]["content_type"]) == (MEDIA, "audio/wav")
    assert (record.state, record.client_unique_id, record.call_id) == (State.DONE, bench.name, call["callId"])
    assert (record.bytes, record.url) == (len(content), f"https://app.gong.io/call?id={call['callId']}")
    counts = bench.counts()
    assert (counts.created, counts.uploaded, counts.adopted, counts.requests) == (1, 1, 0, 2)


def test_a_call_that_the_api_downloads_ends_with_its_create(bench: Bench) -> None:
    bench.hand_in(media=None, downloadMediaUrl=f"https://recordings.example.org/{bench.name}.mp3")

    assert [bench.run(Step.VALIDATE), bench.run(Step.CREATE_CALL)] == [GoOn(), GoOn()]

    assert (bench.job()["state"], bench.sent()) == (State.DONE, 1)


def test_a_call_of_somebody_else_is_adopted(bench: Bench, api: Simulator) -> None:
    with make_client(api.url) as somebody:
        there = somebody.create_call(json.dumps(make_call(bench.name))).call_id
    bench.hand_in()
    bench.run_before(Step.UPLOAD_MEDIA)

    assert (bench.job()["call_id"], bench.job()["adopted"]) == (there, "1")
    assert bench.counts().adopted == 1


def test_a_call_whose_answer_was_lost_is_found_again_and_not_adopted(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.CREATE_CALL)
    api.set_faults({"create.lost": 1})
    assert bench.run(Step.CREATE_CALL) == Again(2.0, "connection_lost")

    api.set_faults({})
    assert bench.run(Step.CREATE_CALL) == GoOn()

    call = call_in(api, bench.name)
    assert (call["creates"], call["repeated_creates"]) == (1, 1)
    assert bench.job()["call_id"] == call["callId"]
    assert "adopted" not in bench.job()
    assert bench.job()["attempts"] == "1"


def test_an_upload_whose_answer_was_lost_is_asked_about_after_its_deadline(
    bench: Bench, api: Simulator
) -> None:
    bench.hand_in()
    bench.run_before(Step.UPLOAD_MEDIA)
    api.set_faults({"media.lost": 1})
    began = time.monotonic()
    after = bench.run(Step.UPLOAD_MEDIA)
    assert isinstance(after, Again)
    assert 20 - (time.monotonic() - began) < after.wait_s <= 20.1

    api.set_faults({})
    assert bench.run(Step.UPLOAD_MEDIA) == GoOn()

    call = call_in(api, bench.name)
    assert (call["uploads"], call["repeated_uploads"]) == (1, 1)
    assert bench.job()["state"] == State.DONE


def test_nothing_is_told_of_a_file_that_was_replaced_after_its_upload(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.UPLOAD_MEDIA)
    api.set_faults({"media.lost": 1})
    assert isinstance(bench.run(Step.UPLOAD_MEDIA), Again)
    api.set_faults({})
    bench.media.write_bytes(wav(b"other"))

    assert bench.run(Step.UPLOAD_MEDIA) == GoOn()

    assert call_in(api, bench.name)["media"]["bytes"] != bench.media.stat().st_size
    assert (bench.record().bytes, bench.record().sha256) == (None, None)


def test_the_media_of_another_call_is_a_dead_letter_that_names_it(bench: Bench, api: Simulator) -> None:
    other = f"{bench.name}-first"
    bench.hand_in(name=other)
    for step in Step:
        assert bench.run(step) == GoOn()
    bench.claims.clear()

    bench.hand_in()
    bench.run_before(Step.UPLOAD_MEDIA)
    after = bench.run(Step.UPLOAD_MEDIA)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.DEAD, "duplicate_content")
    assert call_in(api, other)["callId"] in bench.dead_letter().message


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"title": 5}, "call_invalid"),
        ({"media": "none.wav"}, "media_missing"),
        ({"media": "../call.wav"}, "media_outside_roots"),
    ],
)
def test_what_cannot_be_sent_is_dead_before_any_request(
    bench: Bench, overrides: dict[str, Any], code: str
) -> None:
    bench.hand_in(**overrides)

    after = bench.run(Step.VALIDATE)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.DEAD, code)
    assert (bench.sent(), bench.dead_letter().step) == (0, Step.VALIDATE)


def test_media_that_is_away_for_now_is_waited_for(bench: Bench) -> None:
    bench.hand_in()
    bench.run_before(Step.UPLOAD_MEDIA)
    sent = bench.sent()
    bench.root.rename(bench.root.with_name("unmounted"))

    assert bench.run(Step.UPLOAD_MEDIA) == Again(2.0, "media_unavailable")

    bench.root.with_name("unmounted").rename(bench.root)
    assert bench.sent() == sent
    assert bench.run(Step.UPLOAD_MEDIA) == GoOn()


def test_media_that_stays_away_never_kills_its_recording(bench: Bench) -> None:
    bench.have(settings=replace(bench.services.settings, attempts_max=3, backoff_cap_s=300.0))
    due_key = f"{bench.name}:due:backfill:{BATCH}"
    bench.hand_in()
    bench.root.rename(bench.root.with_name("unmounted"))
    assert bench.run(Step.VALIDATE) == Again(2.0, "media_unavailable")

    for _ in range(5):
        began = time.time()
        after = bench.run(Step.VALIDATE)
        assert isinstance(after, Stop)
        assert (after.state, after.code) == (State.PENDING, "media_unavailable")
        assert "media root" in after.message
        ((job_id, due),) = bench.server.client.zrange(due_key, 0, -1, withscores=True)
        assert due / 1000 - began == pytest.approx(225, abs=10)
        bench.server.client.zadd(due_key, {job_id: 1})
        bench.claim()

    assert bench.job()["attempts"] == "1"
    bench.root.with_name("unmounted").rename(bench.root)
    assert bench.run(Step.VALIDATE) == GoOn()
    assert bench.run(Step.CREATE_CALL) == GoOn()

    # A call that is in Gong already keeps its place when it is due, and nobody's place meanwhile.
    bench.root.rename(bench.root.with_name("unmounted"))
    for _ in range(5):
        after = bench.run(Step.UPLOAD_MEDIA)
        assert isinstance(after, Stop)
        assert (after.state, after.code) == (State.PENDING, "media_unavailable")
        (job_id,) = bench.server.client.zrange(f"{bench.name}:put_off", 0, -1)
        bench.server.client.zadd(f"{bench.name}:put_off", {job_id: 1})
        bench.claim()
    assert bench.job()["attempts"] == "1"
    bench.root.with_name("unmounted").rename(bench.root)
    assert bench.run(Step.UPLOAD_MEDIA) == GoOn()


def test_media_that_is_gone_is_dead_without_a_request(bench: Bench) -> None:
    bench.hand_in()
    (bench.root / "another.wav").touch()
    bench.run_before(Step.UPLOAD_MEDIA)
    sent = bench.sent()
    bench.media.unlink()

    after = bench.run(Step.UPLOAD_MEDIA)

    assert isinstance(after, Stop)
    assert (after.state, after.code, bench.sent()) == (State.DEAD, "media_missing", sent)


def test_media_that_changes_under_the_upload_never_arrives(bench: Bench, api: Simulator) -> None:
    bench.hand_in()
    bench.run_before(Step.UPLOAD_MEDIA)
    # The slot lies 2.5 s ahead: time to change the file between its opening and its sending.
    bench.pace(requests_per_second=0.4)
    bench.services.limiter.acquire(Lane.BACKFILL)

    def change() -> None:
        await_true(lambda: bench.counts().requests == 2, "the upload has its slot")
        bench.media.write_bytes(bench.media.read_bytes()[:-2] + b"xx")

    with beside(change):
        after = bench.run(Step.UPLOAD_MEDIA)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.DEAD, "media_changed")
    assert call_in(api, bench.name)["media"] is None
