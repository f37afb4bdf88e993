"""Batches watched on a terminal, on a pipe and by a program, while they are brought in."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.recordings import make_recordings
from tests.servers import running_server
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario
from tests.system.terminal import Terminal
from tests.waiting import await_true

SLOW: dict[str, str | None] = {"GONG_INGEST_REQUESTS_PER_SECOND": "4", "GONG_INGEST_CONCURRENCY": "1"}
LEAVE_SCREEN = "\x1b[?1049l"


@scenario()
def test_a_terminal_shows_every_batch_and_is_left_in_order(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    other = make_recordings(folder / "other", 3, name="other.jsonl")
    recordings = make_recordings(folder / "recordings", 30)
    machine.settings.update(SLOW)
    machine.run("backfill", other.manifest, "--no-wait")
    machine.run("pause", "other")
    backfill = machine.start("backfill", recordings.manifest)
    terminal = Terminal(machine, "status", "--watch")
    wanted = ("calls", "other", "of 27", "ends ", "paused, nothing is sent for it", "2 workers")
    await_true(lambda: all(each in terminal.shown for each in wanted), "both are shown", within_s=40)
    machine.run("gate", "close", "--because", "wait [red]\x1b[2J")
    await_true(lambda: r"by_hand: wait [red]\x1b[2J" in terminal.shown, "it shows the gate", within_s=30)
    await_true(lambda: "no end is known" in terminal.shown, "it knows no end", within_s=30)

    terminal.command.interrupt()

    finished = terminal.finish()
    assert finished.code == 0, finished.stderr
    _, _, after = finished.stderr.partition(LEAVE_SCREEN)
    assert finished.stderr.rfind("\x1b[?25h") > finished.stderr.rfind("\x1b[?25l")
    assert "gate closed since" in after
    assert "Traceback" not in finished.stderr
    backfill.interrupt()
    assert backfill.finish().code == 4


@scenario()
def test_no_color_means_none(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", 6)
    machine.settings.update(SLOW | {"NO_COLOR": "1"})

    terminal = Terminal(machine, "backfill", recordings.manifest)

    finished = terminal.finish()
    assert finished.code == 0, finished.stderr
    assert "of 6" in finished.stderr
    codes = [f"\x1b[{style}{color}" for style in ("", "1;") for color in (*range(30, 39), *range(90, 98))]
    assert not [code for code in codes if f"{code}m" in finished.stderr]


@scenario()
def test_a_pipe_and_a_program_are_told_until_the_batch_is_at_its_end(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 8)
    machine.settings.update(SLOW)
    machine.run("backfill", recordings.manifest, "--no-wait")
    lines = machine.start("status", "calls", "--watch")
    documents = machine.start("status", "calls", "--watch", "--json")
    # The first line stands there before a worker does.
    assert lines.process.stdout
    assert "calls: 0 of 8, no worker is alive" in lines.process.stdout.readline()
    assert documents.process.stdout
    first = json.loads(documents.process.stdout.readline())

    backfill = machine.run("backfill", recordings.manifest)

    assert backfill.code == 0, backfill.written
    # Its own lines, on standard error that is a pipe: the first one, changes, and the last one.
    told = [line for line in backfill.stderr.splitlines() if " calls: " in line]
    # On a busy machine a slot may be missed, and its place in the day be free again only later.
    last = re.search(r"calls: 8 of 8, finished, (\d+) of 10,000 requests in the last 24 h", told[-1])
    assert last
    assert int(last[1]) >= 16
    watched = lines.finish()
    assert watched.code == 0, watched.written
    assert "calls: 8 of 8, finished" in watched.stdout.splitlines()[-1]
    assert "\x1b" not in watched.written + backfill.stderr
    written = documents.finish()
    assert written.code == 0, written.written
    *_, last = map(json.loads, written.stdout.splitlines())
    assert (first["batches"][0]["state"], first["batches"][0]["obstacle"]) == ("waiting", "workers")
    assert (last["batches"][0]["state"], last["batches"][0]["done"]) == ("finished", 8)
    once = machine.run("status", "calls", "--json").document
    assert once.keys() == last.keys()
    assert once["batches"] == last["batches"]


@scenario()
def test_who_watches_is_told_that_the_server_is_gone_and_sees_it_come_back(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    with running_server() as server:
        machine.settings["GONG_INGEST_REDIS_URL"] = server.url
        machine.run("backfill", make_recordings(folder / "one", 3).manifest, "--no-wait")
        status = Terminal(machine, "status", "--watch")
        await_true(lambda: "0 of 3" in status.shown, "it shows the batch", within_s=30)

        server.kill()

        await_true(lambda: "shown is how it was at" in status.shown, "it says so", within_s=20)
        assert f"The ledger's server at {server.socket}" in status.shown
        server.start()
        machine.run("backfill", make_recordings(folder / "two", 5).manifest, "--no-wait", "--batch", "two")
        await_true(lambda: "0 of 2" in status.shown, "it shows what is new", within_s=30)
        status.command.interrupt()

        finished = status.finish()
        assert finished.code == 0
        assert "Traceback" not in finished.stderr


@scenario()
def test_a_batch_that_is_not_there_is_not_watched(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    finished = machine.run("status", "none", "--watch")

    assert (finished.code, finished.stdout) == (2, "")
    assert finished.stderr == "gong-ingest: There is no batch 'none'; there are: none.\n"
