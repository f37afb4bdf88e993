"""The preflight, as a person runs it: what it says before is what backfill does afterwards."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recordings import make_call, make_recordings, write_jsonl
from tests.simulators import Simulator
from tests.system.machine import PIPES, Command, Machine
from tests.system.scenarios import scenario
from tests.system.terminal import Terminal
from tests.system.test_bad_rows import bad_rows
from tests.waiting import await_true

DONE, WRONG_USAGE, SOME_FAILED, STOPPED = 0, 2, 3, 4
LARGE_ROWS = 60_000
MANY_ROWS = 5_000


@scenario()
def test_what_it_refuses_is_what_backfill_refuses_and_what_is_in_needs_no_request(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 5)
    bad = bad_rows(recordings.folder)
    write_jsonl(recordings.manifest, [*recordings.rows, *(row for row, _ in bad)])

    before = machine.run("check", recordings.manifest, "--no-users", "--json")

    *problems, summary = map(json.loads, before.stdout.splitlines())
    refused = {each["line"] for each in problems if each["severity"] == "error"}
    assert refused == set(range(6, 6 + len(bad)))
    assert (before.code, before.stderr) == (SOME_FAILED, "")
    assert (summary["rows"], summary["rejected"]) == (5 + len(bad), len(bad))
    assert (summary["known"], summary["recordings"], summary["requests"]) == (0, 5, 10)
    # Half a second of sound each.
    short = [each["line"] for each in problems if each["code"] == "media_short" and each["line"] < 6]
    assert short == [1, 2, 3, 4, 5]
    assert simulator.health()["requests"] == 0
    assert not machine.data.exists()

    done = machine.run("backfill", recordings.manifest, "--json").document
    assert (done["rejected"], done["submitted"], done["requests"]) == (len(bad), 5, 10)
    after = json.loads(machine.run("check", recordings.manifest, "--json").stdout.splitlines()[-1])
    assert (after["known"], after["recordings"], after["requests"]) == (5, 0, 0)
    # On a busy machine a slot may be missed, and its place in the day be free again only later.
    assert after["requests_today"] >= 10
    assert after["requests_queued"] == 0


@scenario()
def test_a_file_that_is_there_twice_is_a_warning_and_strict_hands_it_in(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 3)
    again = {"call": make_call("again"), "media": recordings.rows[0]["media"]}
    write_jsonl(recordings.manifest, [*recordings.rows, again])

    before = machine.run("check", recordings.manifest, "--json")

    *problems, summary = map(json.loads, before.stdout.splitlines())
    (twice,) = (each for each in problems if each.get("code") == "media_twice")
    assert (twice["line"], twice["first_line"], twice["severity"]) == (4, 1, "warning")
    assert (before.code, summary["rejected"]) == (DONE, 0)
    assert (summary["recordings"], summary["requests"]) == (4, 8)
    assert summary["done_at_with_links"] == summary["done_at"]

    strict = machine.run("backfill", recordings.manifest, "--strict", "--no-wait", "--json")

    assert strict.code == DONE, strict.written
    assert (strict.document["submitted"], strict.document["rejected"]) == (4, 0)
    assert "4 rows, 0 of them would be rejected." in strict.stderr
    assert "4 new recordings, 8 requests." in strict.stderr
    assert "1  the same file twice" in strict.stderr
    assert "Nothing was handed in" not in strict.stderr
    assert "links" not in strict.stderr


@scenario()
def test_what_strict_refuses_is_what_check_counts(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 3)
    rows = [json.loads(json.dumps(row)) for row in recordings.rows]
    rows[1]["media"] = rows[0]["media"]
    rows[2]["call"]["clientUniqueId"] = rows[0]["call"]["clientUniqueId"]
    write_jsonl(recordings.manifest, rows)

    before = machine.run("check", recordings.manifest, "--json")
    strict = machine.run("backfill", recordings.manifest, "--strict", "--no-wait", "--json")
    handed_in = machine.run("backfill", recordings.manifest, "--no-wait", "--json")

    assert json.loads(before.stdout.splitlines()[-1])["rejected"] == 1
    assert (before.code, strict.code, handed_in.code) == (SOME_FAILED,) * 3
    assert "3 rows, 1 of them would be rejected." in strict.stderr
    assert "Nothing was handed in, as --strict says." in strict.stderr
    assert (strict.document["submitted"], strict.document["rejected"]) == (0, 1)
    assert (handed_in.document["submitted"], handed_in.document["rejected"]) == (2, 1)


@scenario()
def test_what_waits_in_the_ledger_goes_first(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", 4)
    assert machine.run("backfill", recordings.manifest, "--no-wait").code == DONE
    others = folder / "others.jsonl"
    link = "https://media.harbor-pine.com/1.mp3"
    write_jsonl(others, [*recordings.rows, {"call": make_call("new", downloadMediaUrl=link)}])

    finished = machine.run("check", others, "--media-root", recordings.folder)

    assert finished.code == DONE, finished.written
    assert "5 rows, 0 of them would be rejected, 4 in the ledger already." in finished.stdout
    assert "1 new recording, 1 request." in finished.stdout
    assert "8 requests of recordings handed in before take turns with them." in finished.stdout
    assert not simulator.sent()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine that nothing is set on, with a folder of its own for what is temporary."""
    (tmp_path / "temporary").mkdir()
    with Machine(tmp_path / "machine", {"TMPDIR": str(tmp_path / "temporary")}) as made:
        yield made


@pytest.mark.parametrize(("root", "is_sooner"), [("s3://recordings/2026", True), ("{folder}", False)])
def test_an_end_with_links_is_promised_where_links_can_be_given(
    root: str, is_sooner: bool, machine: Machine, tmp_path: Path
) -> None:
    manifest = tmp_path / "calls.jsonl"
    write_jsonl(
        manifest, [{"call": make_call(str(number)), "media": f"{number}.wav"} for number in range(999)]
    )
    options = ("--no-media", "--media-root", root.format(folder=tmp_path))

    summary = json.loads(machine.run("check", manifest, *options, "--json").stdout.splitlines()[-1])
    report = machine.run("check", manifest, *options).stdout

    assert (summary["done_at_with_links"] < summary["done_at"]) is is_sooner
    assert ("with links instead of uploads" in report) is is_sooner


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A manifest that takes a few seconds, every row of which is refused."""
    return write_refused(tmp_path / "large.jsonl", LARGE_ROWS)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A manifest that is worth several processes, every row of which is refused."""
    return write_refused(tmp_path / "many.jsonl", MANY_ROWS)


def write_refused(manifest: Path, rows: int) -> Path:
    call = json.dumps({"call": make_call("pbx-1", title=5, downloadMediaUrl="https://harbor-pine.com/1")})
    with manifest.open("w", encoding="utf-8") as file:
        file.writelines(f"{call.replace('pbx-1', f'pbx-{number}')}\n" for number in range(rows))
    return manifest


def await_inspectors(command: Command, machine: Machine) -> None:
    """Wait until rows are looked at in several processes."""
    await_true(
        lambda: len(machine.processes()) > 3 or command.process.poll() is not None,
        "several processes look at rows",
        within_s=30,
    )
    assert command.process.poll() is None


def assert_nothing_left(machine: Machine, tmp_path: Path) -> None:
    await_true(lambda: not machine.processes(), "every process ended", within_s=20)
    assert list((tmp_path / "temporary").glob("gong-ingest-*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_at_once_and_leaves_nothing(
    number: signal.Signals, machine: Machine, large: Path, tmp_path: Path
) -> None:
    command = machine.start("check", large, "--processes", "3")
    await_inspectors(command, machine)

    if number is signal.SIGTERM:  # a service manager sends it to the command alone
        command.process.send_signal(number)
    else:
        command.interrupt(number)

    finished = command.finish(within_s=20)
    assert (finished.code, finished.stdout) == (STOPPED, "")
    assert finished.stderr.splitlines()[-1] == "Stopped."
    assert "Traceback" not in finished.stderr
    assert_nothing_left(machine, tmp_path)


def test_killed_it_leaves_no_process(machine: Machine, large: Path) -> None:
    command = machine.start("check", large, "--processes", "3")
    await_inspectors(command, machine)

    command.process.kill()

    command.finish()
    await_true(lambda: not machine.processes(), "every process ended", within_s=20)


def test_who_has_read_enough_may_go(machine: Machine, large: Path, tmp_path: Path) -> None:
    mine, its = os.pipe()
    command = machine.start("check", large, "--json", popen=PIPES | {"stdout": its})
    os.close(its)
    with os.fdopen(mine, "rb") as output:
        assert json.loads(output.readline())["line"] == 1

    finished = command.finish()

    assert finished.code == STOPPED
    assert "Traceback" not in finished.stderr
    assert_nothing_left(machine, tmp_path)


def test_a_pipe_and_a_file_of_all_problems(machine: Machine, many: Path, tmp_path: Path) -> None:
    problems = tmp_path / "problems.csv"

    finished = machine.run(
        "check", "-", "--format", "jsonl", "--problems", problems, text=many.read_text("utf-8")
    )

    assert finished.code == SOME_FAILED, finished.written
    assert "5,000  calls that the API would refuse: title" in finished.stdout
    assert "… and 4,997 more" in finished.stdout
    assert f"Every problem stands in {problems}." in finished.stdout
    # Every id is another, and the address is that of the first row in all others.
    lines = problems.read_text("utf-8").splitlines()
    assert len(lines) == 1 + MANY_ROWS + MANY_ROWS - 1
    assert [line.split(",")[0] for line in lines[1 : MANY_ROWS + 1]] == [
        str(line) for line in range(1, MANY_ROWS + 1)
    ]


def test_on_a_terminal_it_shows_how_far_it_is(machine: Machine, many: Path) -> None:
    terminal = Terminal(machine, "check", many)

    finished = terminal.finish()

    assert finished.code == SOME_FAILED, finished.stderr
    assert "Checking" in terminal.shown
    assert "5,000  calls that the API would refuse: title" in terminal.shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("none.jsonl",), "There is no manifest none.jsonl"),
        (("-",), "form of standard input"),
        (("{large}", "--media-root", "none"), "is not a folder"),
        (("{large}", "--problems", "{large}"), "is the manifest itself"),
        (("{large}", "--map", "none.toml"), "There is no map none.toml"),
        (("{large}", "--encoding", "utf-9"), "encoding 'utf-9' is not known"),
    ],
)
def test_what_is_wrong_with_the_whole_is_one_sentence(
    arguments: tuple[str, ...], says: str, machine: Machine, large: Path
) -> None:
    finished = machine.run("check", *(each.format(large=large) for each in arguments))

    assert (finished.code, finished.stdout) == (WRONG_USAGE, "")
    (line,) = finished.stderr.splitlines()
    assert says in line
