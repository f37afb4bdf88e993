"""Secrets are nowhere but in the environment, and in what is sent to those who ask for them."""

from __future__ import annotations

import base64
import json
import signal
from pathlib import Path
from urllib.parse import quote

from tests.recordings import make_recordings, media_in
from tests.servers import running_server
from tests.simulators import Simulator
from tests.system.machine import ACCESS_KEY, Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true

SECRET = "qX7-very-secret-Zk2"
SERVER_PASSWORD = "rD3/server secret?Wm8"
SFTP_PASSWORD = "sF5-sftp-secret-Pq1"
HEADER = "hT9-header-secret-Lv4"
FORBIDDEN = (
    SECRET,
    base64.b64encode(f"{ACCESS_KEY}:{SECRET}".encode()).decode(),
    SERVER_PASSWORD,
    quote(SERVER_PASSWORD, safe=""),
    SFTP_PASSWORD,
    HEADER,
)
# What a person, or a program, may ask for beside a running backfill.
ASKED = (
    ("status", "--json"),
    ("report", "calls", "--format", "jsonl"),
    ("dead", "--json"),
    ("profiles", "show", "--json"),
    ("doctor", "--json"),
    ("limits", "--json"),
)


def everything_written(server_folder: Path) -> bytes:
    """Read what was ever written to the server, also what is gone from it: its append-only file."""
    return b"".join(path.read_bytes() for path in server_folder.rglob("*") if path.is_file())


@scenario(access_key_secret=SECRET, faults="500=0.2,lost=0.1")
def test_secrets_are_neither_shown_nor_logged_nor_stored(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 10)
    with running_server() as server:
        server.client.execute_command(
            "ACL", "SETUSER", "team", "on", f">{SERVER_PASSWORD}", "+@all", "~*", "&*"
        )
        machine.settings |= {
            "GONG_ACCESS_KEY_SECRET": SECRET,
            "GONG_INGEST_REDIS_URL": f"unix://team:{quote(SERVER_PASSWORD, safe='')}@{server.socket}",
            "GONG_INGEST_SFTP_PASSWORD": SFTP_PASSWORD,
            "GONG_INGEST_MEDIA_HEADERS": f"pbx.example.com X-Key: {HEADER}",
            "GONG_INGEST_MEDIA_ROOTS": str(recordings.folder),
            "GONG_INGEST_LOG_LEVEL": "DEBUG",
            "GONG_INGEST_LOG_FORMAT": "json",
            # an upload whose answer was lost waits for so long before it is asked about
            "GONG_INGEST_READ_TIMEOUT_S": "10",
            "GONG_INGEST_REQUEST_DEADLINE_S": "10",
        }
        # Nobody reads a pipe meanwhile, and at DEBUG more is written than one holds.
        with (folder / "worker.log").open("w") as log:
            worker = machine.start("worker", popen={"stdout": log, "stderr": log})
        backfill = machine.start("backfill", recordings.manifest, "--json")
        await_true(lambda: simulator.health()["requests"] >= 5, "requests arrive", within_s=30)
        arguments = [process.arguments for process in machine.processes()]
        simulator.set_faults({})

        finished = backfill.finish(within_s=90)
        answers = [machine.run(*words) for words in ASKED]
        # a server that is gone is told of by everybody
        server.kill()
        lost = machine.run("status", within_s=90)
        worker.interrupt(signal.SIGTERM)
        worker.finish()
        logged = (folder / "worker.log").read_text("utf-8")

        assert finished.code == 0, finished.written
        assert media_in(simulator) == recordings.expected()
        stored = everything_written(server.socket.parent)

    assert lost.code == 6
    assert [answer.stdout.strip() != "" for answer in answers] == [True] * len(ASKED), answers
    assert len(arguments) > 4
    assert b"pbx-1" in stored
    written = [finished.written, logged, lost.written, *(answer.written for answer in answers)]
    seen = "\n".join([*written, machine.logs(), *arguments, stored.decode(errors="replace")])
    assert [each for each in FORBIDDEN if each in seen] == []
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    # what Celery says of tasks is there too, and so is what each step is about
    assert any("calls.upload" in line["message"] for line in lines)
    assert any({"job", "batch", "step", "attempt"} <= line.keys() for line in lines)
    others = [line for line in logged.splitlines() if not line.startswith("{")]
    assert all(line.startswith(("Stopping", "worker: Warm shutdown")) for line in others if line), others
