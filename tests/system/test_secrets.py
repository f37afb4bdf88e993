"""The secret of the access key is nowhere but in the environment and in the requests."""

from __future__ import annotations

import base64
import signal
from pathlib import Path

from tests.recordings import make_recordings, media_in
from tests.servers import running_server
from tests.simulators import Simulator
from tests.system.machine import ACCESS_KEY, Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true

SECRET = "qX7-very-secret-Zk2"
FORBIDDEN = (SECRET, base64.b64encode(f"{ACCESS_KEY}:{SECRET}".encode()).decode())


def everything_written(server_folder: Path) -> bytes:
    """Read what was ever written to the server, also what is gone from it: its append-only file."""
    return b"".join(path.read_bytes() for path in server_folder.rglob("*") if path.is_file())


@scenario(access_key_secret=SECRET, faults="500=0.2,lost=0.1")
def test_the_secret_is_neither_shown_nor_logged_nor_stored(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 10)
    with running_server() as server:
        machine.settings |= {
            "GONG_ACCESS_KEY_SECRET": SECRET,
            "GONG_INGEST_REDIS_URL": server.url,
            "GONG_INGEST_MEDIA_ROOTS": str(recordings.folder),
            "GONG_INGEST_LOG_LEVEL": "DEBUG",
        }
        worker = machine.start("worker")
        backfill = machine.start("backfill", recordings.manifest, "--json")
        await_true(lambda: simulator.health()["requests"] >= 5, "requests arrive", within_s=30)
        arguments = [process.arguments for process in machine.processes()]
        simulator.set_faults({})

        finished = backfill.finish(within_s=90)
        worker.interrupt(signal.SIGTERM)
        stopped = worker.finish()

        assert finished.code == 0, finished.written
        assert media_in(simulator) == recordings.expected()
        stored = everything_written(Path(server.url.removeprefix("unix://")).parent)

    assert len(arguments) > 4
    assert b"pbx-1" in stored
    assert "calls.upload" in stopped.stderr
    seen = "\n".join([finished.written, stopped.written, *arguments, stored.decode(errors="replace")])
    assert [each for each in FORBIDDEN if each in seen] == []
