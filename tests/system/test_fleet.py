"""Handing in and bringing in apart: on one machine, and on several around one server."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.recordings import make_recordings, media_in
from tests.servers import running_server
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true


def status_of(machine: Machine, batch: str = "calls") -> dict[str, Any]:
    finished = machine.run("status", batch, "--json")
    assert finished.code == 0, finished.written
    document: dict[str, Any] = finished.document
    return document


def await_done(machine: Machine, count: int, batch: str = "calls") -> None:
    await_true(
        lambda: status_of(machine, batch)["batches"][0]["done"] == count, f"{count} are done", within_s=40
    )


@scenario()
def test_handed_in_now_and_brought_in_later_on_one_machine(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 5)

    handed_in = machine.run("backfill", recordings.manifest, "--no-wait", "--json")

    assert handed_in.code == 0, handed_in.written
    assert "workers bring them in: gong-ingest worker\n" in handed_in.stderr
    assert handed_in.document["submitted"] == 5
    assert not machine.processes()
    assert status_of(machine)["batches"][0]["pending"] == 5
    worker = machine.start("worker")
    await_done(machine, 5)
    assert status_of(machine)["workers"]["count"] == 2
    worker.interrupt(signal.SIGTERM)
    stopped = worker.finish()
    assert stopped.code == 0, stopped.written
    assert "Traceback" not in stopped.written
    assert not machine.processes()
    assert media_in(simulator) == recordings.expected()


@pytest.mark.skipif(sys.platform != "linux", reason="only there is a device that is always full")
@scenario()
def test_a_worker_starts_its_own_server_again_as_soon_as_there_is_room(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    # What was lost with the server is taken up again soon.
    machine.settings["GONG_INGEST_LEASE_TTL_S"] = "3"
    recordings = make_recordings(folder / "recordings", 4)
    handed_in = machine.run("backfill", recordings.manifest, "--no-wait")
    assert handed_in.code == 0, handed_in.written
    worker = machine.start("worker")
    await_done(machine, 4)

    fallen = server_of(machine)
    # The disk is full when it is looked at for the first time.
    (machine.data / "server" / "room").symlink_to("/dev/full")
    os.kill(fallen, signal.SIGKILL)
    await_true(lambda: server_of(machine) not in {0, fallen}, "the server is there again", within_s=30)
    later = make_recordings(folder / "later", 6, name="later.jsonl")
    assert machine.run("backfill", later.manifest, "--no-wait").code == 0
    await_done(machine, 2, "later")

    worker.interrupt()
    stopped = worker.finish()
    assert stopped.code == 0, stopped.written
    assert stopped.stderr.count("cannot be started: its disk is full") == 1
    assert media_in(simulator) == later.expected()


def server_of(machine: Machine) -> int:
    """Give the process of the embedded server; 0 while there is none."""
    running = (each for each in machine.processes() if "valkey-server" in each.arguments.split(" ")[0])
    return next((each.pid for each in running), 0)


@scenario()
def test_machines_around_one_server_each_with_a_queue(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 20)
    with ExitStack() as stack:
        server = stack.enter_context(running_server())
        machine.settings |= {
            "GONG_INGEST_REDIS_URL": server.url,
            "GONG_INGEST_MEDIA_ROOTS": str(recordings.folder),
        }
        first, second = (
            stack.enter_context(Machine(folder / name, machine.settings)) for name in ("first", "second")
        )
        calls = first.start("worker", "--queue", "calls", "--concurrency", "2")
        media = second.start("worker", "--queue", "media")

        finished = machine.run("backfill", recordings.manifest, "--json")

        assert finished.code == 0, finished.written
        assert finished.document["done"] == 20
        assert status_of(machine)["workers"]["count"] == 2
        for worker in (calls, media):
            worker.interrupt()
            stopped = worker.finish()
            assert stopped.code == 0, stopped.written
            assert "Traceback" not in stopped.written
        assert [*machine.processes(), *first.processes(), *second.processes()] == []
        assert not machine.data.exists()
    assert media_in(simulator) == recordings.expected()
