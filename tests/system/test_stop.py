"""Stopped in the middle by a person or a service manager, and run again."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.chaos.throttle import throttled
from tests.recordings import Recordings, make_recordings, media_in, wav
from tests.simulators import Simulator
from tests.system.machine import Finished, Machine
from tests.system.scenarios import scenario
from tests.system.terminal import Terminal
from tests.waiting import await_true

STOPPED = 4
COUNT = 30
# An upload that takes longer than anybody waits who asked twice, however busy the machine is.
SLOW_UPLOAD_S = 60


# Requests are under way whenever it stops.
slow_api = scenario(latency=0.2)


# So few a second that something is left to do, however late it is stopped.
SLOWLY = {"GONG_INGEST_REQUESTS_PER_SECOND": "5"}


def await_requests(simulator: Simulator, count: int) -> None:
    await_true(lambda: simulator.health()["requests"] >= count, f"{count} requests arrived", within_s=30)


def assert_stopped_in_order(finished: Finished, machine: Machine, simulator: Simulator) -> None:
    assert finished.code == STOPPED, finished.written
    assert "requests under way are finished first" in finished.stderr
    assert "Run the same command again to go on." in finished.stderr
    assert "Traceback" not in finished.written + machine.logs()
    assert not machine.processes()
    # Nobody hung up on the API.
    assert simulator.record("calls=0&requests=0")["notes"] == {}


def assert_goes_on(machine: Machine, simulator: Simulator, recordings: Recordings) -> None:
    before = len(simulator.sent())
    again = machine.run("backfill", recordings.manifest, "--json")
    assert again.code == 0, again.written
    document = again.document
    assert (document["submitted"], document["done"], document["adopted"]) == (0, COUNT, 0)
    assert document["requests"] == 2 * COUNT - before
    totals = {"users": {"200": 1}, "create": {"200": COUNT}, "media": {"201": COUNT}}
    assert simulator.record()["totals"] == totals
    assert media_in(simulator) == recordings.expected()


@slow_api
def test_ctrl_c_on_a_terminal(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    terminal = Terminal(machine, "backfill", recordings.manifest, settings=SLOWLY)
    await_requests(simulator, 10)

    terminal.command.interrupt()

    assert_stopped_in_order(terminal.finish(), machine, simulator)
    assert "requests/s" in terminal.shown
    assert_goes_on(machine, simulator, recordings)


@slow_api
def test_sigterm_of_a_service_manager(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    command = machine.start("backfill", recordings.manifest, "--json", settings=SLOWLY)
    await_requests(simulator, 10)

    command.process.send_signal(signal.SIGTERM)

    finished = command.finish()
    assert_stopped_in_order(finished, machine, simulator)
    assert finished.document["done"] < COUNT
    assert_goes_on(machine, simulator, recordings)


@slow_api
def test_impatience_leaves_nothing_behind(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    # What was cut off is taken up again when its lease has run out.
    machine.settings["GONG_INGEST_LEASE_TTL_S"] = "3"
    # A worker that is asked once would finish what it is at.
    machine.settings["GONG_INGEST_STOP_GRACE_S"] = str(2 * SLOW_UPLOAD_S)
    terminal = Terminal(machine, "backfill", recordings.manifest)
    await_requests(simulator, 10)

    simulator.set_faults({"media.slow": f":{SLOW_UPLOAD_S}-{SLOW_UPLOAD_S}"})
    # Those that are done, and the uploads that fill every place.
    await_requests(simulator, 14)

    interrupted_at = time.monotonic()
    for _ in range(5):
        terminal.command.interrupt()
        await_true(lambda: "Stopping" in terminal.shown, "it says that it stops")

    finished = terminal.finish()
    assert time.monotonic() - interrupted_at < SLOW_UPLOAD_S / 2
    simulator.set_faults({})
    assert finished.code == STOPPED, finished.written
    assert "Traceback" not in finished.written
    assert_all_comes_in(machine, simulator, recordings)


@slow_api
def test_a_terminal_that_is_closed_takes_everything_with_it(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    terminal = Terminal(machine, "backfill", recordings.manifest)
    await_requests(simulator, 10)

    terminal.close()
    terminal.command.interrupt(signal.SIGHUP)

    terminal.command.process.wait(30)
    assert_all_comes_in(machine, simulator, recordings)


@scenario()
def test_a_killed_command_takes_everything_with_it_and_loses_nothing(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    simulator.set_faults({"media.slow": "1:2-2"})
    command = machine.start("backfill", recordings.manifest)
    await_requests(simulator, COUNT // 2)

    command.process.kill()

    # The uploads under way are finished first.
    await_true(lambda: not machine.processes(), "nothing is left running", within_s=30)
    assert "The command that started this worker is gone" in machine.logs()
    assert "Traceback" not in machine.logs()
    simulator.set_faults({})
    assert_goes_on(machine, simulator, recordings)
    assert simulator.record("calls=0&requests=0")["notes"].keys() <= {"slow"}
    command.finish()


@scenario()
def test_an_upload_longer_than_the_grace_is_handed_back_by_what_a_killed_command_leaves(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 2)
    # More than the buffers on the way take.
    (recordings.folder / "media" / "1.wav").write_bytes(wav(bytes(16_000_000)))
    # Nobody waits for a lease to end, unless the machine is so busy that an upload is given up over its head.
    machine.settings |= {"GONG_INGEST_STOP_GRACE_S": "1", "GONG_INGEST_LEASE_TTL_S": "60"}
    with throttled(simulator.url) as way:
        way.bytes_per_s = 1_000_000
        command = machine.start("backfill", recordings.manifest, settings={"GONG_BASE_URL": way.url})
        await_true(lambda: way.passed_bytes > 1_000_000, "the long upload is under way", within_s=30)

        command.process.kill()

        await_true(lambda: not machine.processes(), "nothing is left running", within_s=30)
    command.finish()
    again = machine.run("backfill", recordings.manifest, "--json", within_s=180)
    assert again.code == 0, again.written
    assert (again.document["done"], again.document["adopted"]) == (2, 0)
    assert media_in(simulator) == recordings.expected()


def assert_all_comes_in(machine: Machine, simulator: Simulator, recordings: Recordings) -> None:
    # What is killed with its group is gone a moment after the command.
    await_true(lambda: not machine.processes(), "nothing is left running", within_s=30)
    again = machine.run("backfill", recordings.manifest)
    assert again.code == 0, again.written
    assert media_in(simulator) == recordings.expected()
