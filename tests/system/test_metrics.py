"""A worker that tells its metrics while it brings recordings in, on an API with bad moments."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

from tests.recordings import make_recordings, media_in
from tests.scraping import Scraped, free_port, get, numbers_in
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true

METHODS = {"POST": "create_call", "PUT": "upload_media"}


def scrape(port: int) -> Scraped:
    status, page = get(port)
    assert status == 200, page
    return numbers_in(page)


def is_at_work(port: int) -> bool:
    """Tell whether somebody tells of two workers there."""
    try:
        return scrape(port).get(("gong_ingest_workers", ())) == 2
    except ConnectionRefusedError:
        return False


@scenario()
def test_what_is_scraped_is_what_the_api_was_asked(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 30)
    port = free_port()
    machine.settings |= {
        "GONG_INGEST_METRICS_PORT": str(port),
        "GONG_INGEST_MEDIA_ROOTS": str(recordings.folder),
        "GONG_INGEST_BACKOFF_BASE_S": "0.1",
        "GONG_INGEST_BACKOFF_CAP_S": "0.5",
        "GONG_INGEST_FAILURES_TO_CLOSE": "1000",
    }
    simulator.set_faults({"500": 0.2, "create.429": "0.05:1-1"})
    handed_in = machine.run("backfill", recordings.manifest, "--no-wait", "--no-check")
    assert handed_in.code == 0, handed_in.written

    worker = machine.start("worker", "--json")
    assert worker.process.stdout
    assert json.loads(worker.process.stdout.readline())["metrics"] == f"http://127.0.0.1:{port}/metrics"
    await_true(lambda: scrape(port).get(("gong_ingest_jobs", ("done",))) == 30, "all are done", within_s=60)
    told = scrape(port)
    asked = Counter(
        (METHODS[method], "backfill", str(status))
        for _at_s, method, _path, status, _note in simulator.record("calls=0")["requests"]
    )
    requests = {
        labels: number for (name, labels), number in told.items() if name == "gong_ingest_requests_total"
    }
    assert requests == asked
    assert media_in(simulator) == recordings.expected()
    assert told["gong_ingest_jobs_ended_total", ("backfill", "done")] == 30
    assert told["gong_ingest_limiter_wait_seconds_count", ("backfill",)] == sum(asked.values())
    assert told["gong_ingest_step_duration_seconds_count", ("upload_media",)] >= 30
    sizes = sum(path.stat().st_size for path in recordings.folder.rglob("*.wav"))
    assert told["gong_ingest_upload_bytes_total", ()] >= sizes
    # On a busy machine a slot may be missed, and its place in the day be free again only later.
    assert told["gong_ingest_budget_used_requests", ()] >= sum(asked.values())

    # Another one on this machine would tell the same at the same port.
    second = machine.run("worker")
    assert second.code == 2
    assert "Metrics cannot be served on 127.0.0.1" in second.stderr

    # A backfill brings workers of its own, and is not held up by that.
    more = make_recordings(folder / "recordings", 34, name="more.jsonl")
    beside = machine.run("backfill", more.manifest)
    assert beside.code == 0, beside.written
    assert "goes on without" in " ".join(beside.stderr.split())

    worker.interrupt(signal.SIGTERM)
    ended = worker.finish()
    assert "Traceback" not in ended.stderr + second.stderr + beside.stderr
    assert not machine.processes()


@scenario()
def test_a_backfill_with_workers_of_its_own_tells_them_as_long_as_it_runs(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 60)
    port = free_port()
    slow = {"GONG_INGEST_METRICS_PORT": str(port), "GONG_INGEST_REQUESTS_PER_SECOND": "20"}
    backfill = machine.start("backfill", recordings.manifest, "--json", settings=slow)
    await_true(lambda: is_at_work(port), "workers are told", within_s=40)

    assert backfill.finish().code == 0
    assert not is_at_work(port)
    assert not machine.processes()
