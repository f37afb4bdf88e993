"""One trace for a recording: begun where it is handed in, carried by the ledger, ended where it is done."""

from __future__ import annotations

import base64
import json
import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.job import job_id_of
from tests.apis import started_api
from tests.collector import Collector, Seen, running_collector
from tests.recordings import Recordings, make_recordings, media_in
from tests.servers import Server, running_server
from tests.simulators import Simulator
from tests.system.machine import ACCESS_KEY, Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true

SECRET = "uB4-very-secret-Kq9"
PASSWORD = "rT6-server-secret-Xn1"
FORBIDDEN = (SECRET, base64.b64encode(f"{ACCESS_KEY}:{SECRET}".encode()).decode(), PASSWORD)
RECORDINGS = 3
PRODUCED, DISPATCHED = "enqueue", "dispatch"
TASKS = ("calls.validate", "calls.create", "calls.upload")
REQUESTS = ("POST /v2/calls", "PUT /v2/calls/{id}/media")


def settings_of(server: Server, recordings: Recordings) -> dict[str, str | None]:
    server.client.execute_command("ACL", "SETUSER", "team", "on", f">{PASSWORD}", "+@all", "~*", "&*")
    return {
        "GONG_ACCESS_KEY_SECRET": SECRET,
        "GONG_INGEST_REDIS_URL": f"unix://team:{PASSWORD}@{server.socket}",
        "GONG_INGEST_MEDIA_ROOTS": str(recordings.folder),
        "GONG_INGEST_FAILURES_TO_CLOSE": "1000",
        "GONG_INGEST_CONCURRENCY": "2",
    }


def traced_by(collector: Collector) -> dict[str, str]:
    # Sent often, so that nobody has to wait for it.
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}


def hand_in(machine: Machine, recordings: Recordings, settings: Mapping[str, str | None]) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in recordings.rows)
    finished = machine.run("enqueue", text=lines, settings=settings)
    assert finished.code == 0, finished.written


def recorded(server: Server, recordings: Recordings) -> list[dict[str, Any]]:
    ids = [job_id_of(row["call"]["clientUniqueId"]) for row in recordings.rows]
    return [server.client.hgetall(f"gong-ingest:job:{job_id}") for job_id in ids]


def has_failed(job: Mapping[str, Any]) -> bool:
    return int(job["attempts"]) > 0


def done(server: Server) -> int:
    return int(server.client.hget("gong-ingest:batch:live", "done") or 0)


@scenario(access_key_secret=SECRET, faults="create.500=1")
def test_a_recording_is_one_trace_from_its_handing_in_to_its_end(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", RECORDINGS)
    with running_collector() as collector, running_server() as server:
        machine.settings |= settings_of(server, recordings)
        hand_in(machine, recordings, traced_by(collector))
        jobs = recorded(server, recordings)
        # Told at the end of the command, although the next time to send had not come.
        produced = collector.spans

        with (folder / "worker.log").open("w") as log:
            worker = machine.start(
                "worker", settings=traced_by(collector), popen={"stdout": log, "stderr": log}
            )
        await_true(lambda: all(map(has_failed, recorded(server, recordings))), "creates fail", within_s=30)
        simulator.set_faults({})
        await_true(lambda: done(server) == len(recordings.rows), "all is done", within_s=60)
        await_true(lambda: ended(collector) == RECORDINGS, "each end is told", within_s=30)
        worker.interrupt(signal.SIGTERM)
        worker.finish()

    assert media_in(simulator) == recordings.expected()
    # Behind it stand two digits: that it is sampled, and whether its id is random.
    assert {job["traceparent"][:-3] for job in jobs} == {f"00-{span.trace}-{span.id}" for span in produced}
    spans = collector.spans
    assert {span.trace for span in spans} == {span.trace for span in produced}
    for root in produced:
        check_trace([span for span in spans if span.trace == root.trace], root)
    sent = b"".join(collector.raw)
    assert [each for each in FORBIDDEN if each.encode() in sent] == []


def ended(collector: Collector) -> int:
    return sum(span.attributes.get("gong_ingest.state") == "done" for span in collector.spans)


def check_trace(spans: list[Seen], root: Seen) -> None:
    """Check that a trace is one tree, tells of each attempt, and whose it is."""
    by_id = {span.id: span for span in spans}
    assert [span for span in spans if span.parent not in by_id] == [root]
    assert (root.name, root.kind, root.attributes["gong_ingest.result"]) == (PRODUCED, "producer", "new")
    counted = Counter(span.name for span in spans)
    assert counted[PRODUCED] == 1
    # The create failed once or twice, and each attempt was dispatched or came after a countdown.
    assert counted[TASKS[0]] >= 1
    assert counted[TASKS[1]] >= 2
    assert counted[TASKS[2]] == 1
    for span in spans:
        parent = by_id.get(span.parent)
        assert span.attributes["gong_ingest.job"] == root.attributes["gong_ingest.job"]
        # Only the ledger's answer to it tells the batch.
        assert span.name == "begin_step" or span.attributes["gong_ingest.batch"] == "live"
        assert span.events == 0
        assert span.sender == "gong-ingest"
        if span.name == DISPATCHED:
            assert parent == root
        if span.name in TASKS:
            assert parent is not None
            assert (parent.name, span.kind) == (DISPATCHED, "consumer")
        if span.name in REQUESTS:
            assert parent is not None
            assert parent.name in TASKS
            check_request(span)
    tries = [span.attributes["gong_ingest.attempt"] for span in spans if span.name == TASKS[1]]
    assert sorted(tries) == list(range(1, len(tries) + 1))
    codes = [span.attributes.get("gong_ingest.code") for span in spans if span.name == TASKS[1]]
    assert codes.count(None) == 1, "one create succeeded"
    assert {"begin_step", "record_step", "wait_for_slot"} <= counted.keys()


def check_request(span: Seen) -> None:
    about = span.attributes
    assert span.kind == "client"
    assert about["http.response.status_code"] in {200, 201, 500}
    assert about["gong_ingest.request_id"]
    assert {"gong_ingest.step", "gong_ingest.attempt", "server.address", "server.port"} <= about.keys()
    assert about["url.path"].startswith("/v2/calls")
    assert about["http.request.method"] == span.name.partition(" ")[0]


@pytest.mark.long
@scenario(access_key_secret=SECRET)
def test_who_asks_for_no_traces_has_none_and_a_collector_that_is_gone_is_missed_by_nobody(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 2)
    first, second = recordings.rows
    with running_collector() as collector, running_server() as server:
        machine.settings |= settings_of(server, recordings)
        gone = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "200"}
        off = machine.run("enqueue", text=json.dumps(first), settings={})
        disabled = machine.run(
            "enqueue", text=json.dumps(second), settings=traced_by(collector) | {"OTEL_SDK_DISABLED": "true"}
        )
        jobs = recorded(server, recordings)
        with (folder / "worker.log").open("w") as log:
            worker = machine.start("worker", settings=gone, popen={"stdout": log, "stderr": log})
        await_true(lambda: done(server) == len(recordings.rows), "all is done", within_s=60)
        worker.interrupt(signal.SIGTERM)
        finished = worker.finish(within_s=30)

    assert media_in(simulator) == recordings.expected()
    assert (off.code, disabled.code, finished.code) == (0, 0, 0)
    assert all(jobs)
    assert not any("traceparent" in job for job in jobs)
    assert collector.raw == []


@pytest.mark.long
def test_who_hands_in_over_http_has_the_recording_in_its_own_trace(tmp_path: Path) -> None:
    recordings = make_recordings(tmp_path / "recordings", 1)
    theirs = "0af7651916cd43dd8448eb211c80319c"
    with running_collector() as collector, running_server() as server:
        settings = {"GONG_INGEST_REDIS_URL": server.url} | traced_by(collector)
        with started_api(tmp_path, settings) as api:
            header = {"traceparent": f"00-{theirs}-b7ad6b7169203331-01"}
            answers = [api.ask("POST", "/calls", recordings.rows[0], **header) for _ in range(2)]
            assert api.stop() == 0, api.told()
        (job,) = recorded(server, recordings)

    assert [answer.status for answer in answers] == [202, 200]
    spans = collector.spans
    assert {span.trace for span in spans} == {theirs}
    asked = [span for span in spans if span.name == "POST /calls"]
    handed_in = [span for span in spans if span.name == PRODUCED]
    assert [(span.kind, span.parent) for span in asked] == [("server", "b7ad6b7169203331")] * 2
    assert [span.parent for span in handed_in] == [span.id for span in asked]
    assert [span.attributes["gong_ingest.result"] for span in handed_in] == ["new", "known"]
    assert job["traceparent"].startswith(f"00-{theirs}-{handed_in[0].id}-")
