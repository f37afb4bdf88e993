"""The disk of the server is full: it takes no more writes, or ends; what it has accepted is not lost."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.cli import ExitCode
from pipeline.ledger import SUBMIT_BUNDLE
from pipeline.store import Store
from tests.chaos.arena import Arena, arena, jobs_of
from tests.chaos.commands import backfill_of_input, write_rows
from tests.chaos.disk import Disk, server_on_a_small_disk
from tests.chaos.scenarios import scenario
from tests.chaos.waiting import hold_true
from tests.servers import Server
from tests.waiting import await_true

BATCH = "meanwhile"
RECORDINGS = SUBMIT_BUNDLE + 100
FULL_S = 6.0
# A slot is bound at most 2 s ahead, by a process each.
UNDER_WAY = 9


pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="neither a mount of one's own nor prlimit are there"
)


@scenario(waits_s=10)
def test_a_fleet_survives_a_server_that_ends_because_its_disk_is_full() -> None:
    with (
        server_on_a_small_disk(answers_first=False) as disk,
        arena(per_second=60, server=disk.server) as running,
    ):
        _add_workers(running)
        running.hand_in(BATCH, RECORDINGS)
        await_true(lambda: running.seen() >= 60, "the fleet is at work", within_s=30)
        disk.fill()
        disk.server.process.wait(30)
        # what was granted is used, and nothing else is sent; nobody gives up
        sent = running.seen()
        hold_true(lambda: running.seen() <= sent + UNDER_WAY, "no slot is given", for_s=FULL_S)
        # somebody makes room, and whoever keeps the server up starts it again
        disk.server.start()
        assert running.await_final(BATCH, within_s=60).done == RECORDINGS
        assert running.fleet.restarts == 0
        assert running.audit() == []


@scenario(waits_s=10)
def test_backfill_and_producer_survive_a_full_disk() -> None:
    with (
        server_on_a_small_disk(answers_first=True) as disk,
        arena(per_second=60, server=disk.server) as running,
    ):
        _add_workers(running)
        rows = write_rows(running, BATCH, RECORDINGS)
        # given a fleet and a producer in the middle of their work
        command = backfill_of_input(running, BATCH)
        command.write("".join(rows[: SUBMIT_BUNDLE + 10]))
        await_true(lambda: running.seen() >= 60, "the fleet is at work", within_s=30)
        store = Store(disk.server.url, "watching")
        assert store.why_not_writable() is None
        # when the disk becomes full
        disk.fill()
        await_true(lambda: not _is_writing(disk), "the server cannot write its file", within_s=10)
        # then the producer says so
        finished = command.finish("".join(rows[SUBMIT_BUNDLE + 10 :]))
        assert finished.code == ExitCode.LEDGER_UNREACHABLE, finished.stderr
        assert "its disk is full" in finished.stderr
        assert f"The first {SUBMIT_BUNDLE:,} rows are handed in" in finished.stderr
        assert "Run the same command again" in finished.stderr
        assert len(jobs_of(disk.server)) == SUBMIT_BUNDLE
        # and the fleet waits, to go on by itself as soon as there is room
        sent = running.seen()
        hold_true(lambda: running.seen() <= sent + UNDER_WAY, "no slot is given", for_s=FULL_S)
        assert not _is_writing(disk)
        # and whoever watches is told why nothing goes on
        assert "its disk is full" in (store.why_not_writable() or "")
        disk.make_room()
        assert running.await_final(BATCH, within_s=60).done == SUBMIT_BUNDLE
        # and the same command hands in the rest
        finished = backfill_of_input(running, BATCH).finish("".join(rows))
        assert finished.code == ExitCode.DONE, finished.stderr
        assert json.loads(finished.stdout)["submitted"] == RECORDINGS - SUBMIT_BUNDLE
        assert running.await_final(BATCH, within_s=60).done == RECORDINGS
        assert store.why_not_writable() is None
        store.close()
        assert running.fleet.restarts == 0
        assert running.audit() == []
        assert _jobs_on(disk) == jobs_of(running.server)


def _add_workers(running: Arena) -> None:
    running.fleet.add("calls", queues="calls", concurrency=3)
    running.fleet.add("media", queues="media", concurrency=6)


def _is_writing(disk: Disk) -> bool:
    return bool(disk.server.client.info("persistence")["aof_last_write_status"] == "ok")


def _jobs_on(disk: Disk) -> dict[str, dict[str, str]]:
    """Read the jobs that are on the disk, with a server of their own."""
    with tempfile.TemporaryDirectory(prefix="disk-") as folder:
        data = Path(folder) / "data"
        disk.copy_to(data)
        server = Server(Path(folder), dir=str(data))
        try:
            server.start()
            return jobs_of(server)
        finally:
            server.close()
