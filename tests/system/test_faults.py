"""An API that has bad days: nothing is lost, nothing is there twice."""

from __future__ import annotations

from pathlib import Path

from tests.recordings import make_recordings, media_in
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario


@scenario()
def test_a_retry_after_is_heeded(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", 20)
    simulator.set_faults({"429": "0.1:5-5"})

    finished = machine.run("backfill", recordings.manifest, "--json", within_s=90)

    assert finished.code == 0, finished.written
    assert media_in(simulator) == recordings.expected()
    requests = simulator.sent()
    refused_at_s = [at_s for at_s, *_, status, _note in requests if status == 429]
    assert refused_at_s
    assert finished.document["rate_limited"] == len(refused_at_s)
    # A request that had left before the answer came may still arrive, later ones wait.
    for refused_s in refused_at_s:
        assert not [at_s for at_s, *_ in requests if refused_s + 3.0 < at_s < refused_s + 5.0]


@scenario()
def test_failures_and_lost_answers_lose_and_double_nothing(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 60)
    simulator.set_faults({"500": 0.2, "lost": 0.2})

    # An upload whose answer was lost is asked about when its deadline is over.
    machine.settings |= {
        "GONG_INGEST_CONNECT_TIMEOUT_S": "1",
        "GONG_INGEST_READ_TIMEOUT_S": "1",
        "GONG_INGEST_REQUEST_DEADLINE_S": "1",
        "GONG_INGEST_BACKOFF_BASE_S": "0.1",
        "GONG_INGEST_BACKOFF_CAP_S": "0.5",
        # A recording that waits for its next attempt keeps its place among those under way.
        "GONG_INGEST_CONCURRENCY": "8",
        "GONG_INGEST_FAILURES_TO_CLOSE": "1000",
    }

    finished = machine.run("backfill", recordings.manifest, "--json", within_s=90)

    assert finished.code == 0, finished.written
    document = finished.document
    assert (document["done"], document["dead"], document["adopted"]) == (60, 0, 0)
    assert media_in(simulator) == recordings.expected()
    record = simulator.record()
    assert record["notes"]["lost"] > 5
    assert record["notes"]["injected"] > 5
    assert len(simulator.sent()) == document["requests"]
