"""Rejected rows end up in a file, are mended there, and join their batch; what is right goes on without."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

from tests.recordings import make_call, make_recordings, make_row, media_in, write_csv, write_jsonl
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true

DONE, WRONG_USAGE, SOME_FAILED, STOPPED = 0, 2, 3, 4
MANY_ROWS = 150
LARGE_ROWS = 30_000


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def rows_of_spreadsheet(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True, delimiter=";"))


def save(path: Path, rows: list[dict[str, str]]) -> None:
    """Save a table as a spreadsheet of another country does."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)


@scenario()
def test_rows_that_are_mended_join_their_batch(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", 4, name="calls.csv")
    rows = [json.loads(json.dumps(row)) for row in recordings.rows]
    rows[1]["call"]["direction"] = "Sideways"
    rows[2]["call"]["actualStart"] = "yesterday"
    write_csv(recordings.manifest, rows)
    rejected = recordings.folder / "calls.rejected.csv"

    first = machine.run("backfill", recordings.manifest, "--json")

    assert first.code == SOME_FAILED, first.written
    assert (first.document["done"], first.document["rejected_file"]) == (2, str(rejected))
    assert f"gong-ingest backfill {rejected}" in first.stderr
    assert [row["rejected_line"] for row in rows_of(rejected)] == ["3", "4"]

    mended = rows_of(rejected)
    mended[0]["direction"] = "Inbound"
    save(rejected, mended)
    second = machine.run("backfill", rejected, "--json")

    document = second.document
    assert second.code == SOME_FAILED, second.written
    assert (document["batch"], document["submitted"], document["rejected"]) == ("calls", 1, 1)
    assert f"{rejected}:3: actualStart" in second.stderr
    assert f"it is kept as {rejected}.bak" in second.stderr
    _, left = rejected.read_text("utf-8-sig").splitlines()
    assert left.startswith('4;"actualStart: ')  # with the separator that the person's spreadsheet has chosen

    content = rejected.read_text("utf-8-sig").replace("yesterday", recordings.rows[2]["call"]["actualStart"])
    rejected.write_text(content, "utf-8-sig")
    third = machine.run("backfill", rejected, "--json")

    assert third.code == DONE, third.written
    assert (third.document["submitted"], third.document["done"]) == (1, 4)
    assert third.document["rejected_file"] is None
    assert not rejected.exists()
    assert "is not needed any more" in third.stderr
    assert media_in(simulator) == recordings.expected()

    # of the manifest as it was nothing is wrong any more: its rows are in
    again = machine.run("backfill", recordings.manifest, "--strict", "--json")

    assert again.code == DONE, again.written
    assert (again.document["submitted"], again.document["rejected"], again.document["done"]) == (0, 0, 4)
    assert "direction" not in again.stderr
    assert "0 of them would be rejected, 4 in the ledger already" in again.stderr
    assert not rejected.exists()


@scenario()
def test_rows_are_mended_in_a_file_of_any_name(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", 5, name="calls.csv")
    rows = [json.loads(json.dumps(row)) for row in recordings.rows]
    for row in rows[1:4]:
        row["call"]["direction"] = "Sideways"
    write_csv(recordings.manifest, rows)
    bad = recordings.folder / "bad.csv"

    first = machine.run("backfill", recordings.manifest, "--rejected", bad, "--json")

    assert first.code == SOME_FAILED, first.written
    assert first.document["rejected_file"] == str(bad)
    _, _, told = first.stderr.partition("Correct them there, then run: gong-ingest ")
    command = shlex.split(told.splitlines()[0])
    assert command == ["backfill", str(bad), "--batch", "calls"]

    mended = rows_of(bad)
    mended[0]["direction"] = "Inbound"
    save(bad, mended)
    second = machine.run(*command, "--json")

    assert second.code == SOME_FAILED, second.written
    assert f"The rows of {bad} stand in calls, the only manifest of the batch calls." in second.stderr
    assert (second.document["submitted"], second.document["rejected_file"]) == (1, str(bad))
    assert [row["rejected_line"] for row in rows_of_spreadsheet(bad)] == ["4", "5"]
    assert not list(recordings.folder.glob("*.rejected.*"))

    mended = rows_of_spreadsheet(bad)
    mended[0]["direction"] = "Inbound"
    save(other := recordings.folder / "calls-mended.csv", mended)
    third = machine.run("backfill", other, "--batch", "calls", "--json")
    mended[1]["direction"] = "Inbound"
    save(other, mended[1:])
    options = ("--format", "csv", "--batch", "calls", "--media-root", recordings.folder, "--json")
    last = machine.run("backfill", "-", *options, text=other.read_text("utf-8"))

    assert (third.code, third.document["rejected_file"]) == (SOME_FAILED, str(other)), third.written
    assert last.code == DONE, last.written
    assert (last.document["submitted"], last.document["done"], last.document["rejected"]) == (1, 5, 0)
    report = machine.run("report", "calls", "--json").stdout.splitlines()
    found = [json.loads(line) for line in report]
    assert [(row["manifest"], row["line"], row["state"]) for row in found] == [
        ("calls", line, "done") for line in range(2, 7)
    ]
    assert machine.run("requeue", "calls").code == DONE
    assert media_in(simulator) == recordings.expected()


@scenario()
def test_a_row_that_was_given_another_id_is_right_when_its_manifest_comes_again(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 3)
    rows = [json.loads(json.dumps(row)) for row in recordings.rows]
    own_id = rows[2]["call"]["clientUniqueId"]
    rows[2]["call"]["clientUniqueId"] = rows[0]["call"]["clientUniqueId"]
    write_jsonl(recordings.manifest, rows)
    assert machine.run("backfill", recordings.manifest).code == SOME_FAILED
    rejected = recordings.folder / "calls.rejected.jsonl"
    (row,) = (json.loads(line) for line in rejected.read_text("utf-8").splitlines())
    row["call"]["clientUniqueId"] = own_id
    write_jsonl(rejected, [row])
    assert machine.run("backfill", rejected).code == DONE

    again = machine.run("backfill", recordings.manifest, "--strict")

    assert again.code == DONE, again.written
    assert "0 of them would be rejected, 3 in the ledger already" in again.stderr
    assert "1  rows that were corrected elsewhere" in again.stderr
    assert media_in(simulator) == recordings.expected()


@scenario()
def test_media_that_is_in_need_not_be_there_any_more(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 3)
    assert machine.run("backfill", recordings.manifest).code == DONE
    requests = simulator.health()["requests"]
    for row in recordings.rows:
        (recordings.folder / row["media"]).unlink()

    for option in ("--check", "--no-check"):
        finished = machine.run("backfill", recordings.manifest, option, "--json")

        assert finished.code == DONE, finished.written
        document = finished.document
        assert (document["total"], document["rejected"], document["requests"]) == (3, 0, 0)
        assert (document["submitted"], document["done"]) == (0, 3)
        assert "is not there" not in finished.stderr
    assert simulator.health()["requests"] == requests
    assert not list(recordings.folder.glob("*.rejected.*"))


@scenario()
def test_media_that_comes_later_is_looked_at_again(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 3)
    late = recordings.folder / recordings.rows[1]["media"]
    content = late.read_bytes()
    late.unlink()
    first = machine.run("backfill", recordings.manifest)
    assert first.code == SOME_FAILED, first.written
    _, _, told = first.stderr.partition("When it is right, this is enough: gong-ingest ")
    command = shlex.split(told.splitlines()[0])
    assert command[0] == "requeue"

    nothing_new = machine.run(*command)
    late.write_bytes(content)
    requeued = machine.run(*command)
    last = machine.run("backfill", recordings.manifest)

    assert nothing_new.code == SOME_FAILED, nothing_new.written
    assert "1 row of calls stays rejected." in nothing_new.stderr
    assert requeued.code == DONE, requeued.written
    assert requeued.stderr.endswith(
        "Handed in 1 recording; no worker is alive: run their backfill again, or gong-ingest worker. "
        "No row of calls stays rejected.\n"
    )
    assert last.code == DONE, last.written
    assert media_in(simulator) == recordings.expected()


@scenario()
def test_nothing_is_handed_in_where_a_row_is_rejected_and_none_may_be(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 2)
    write_jsonl(recordings.manifest, [*recordings.rows, "{"])
    root = ("--media-root", recordings.folder, "--format", "jsonl")

    refused = [
        machine.run("backfill", recordings.manifest, "--strict", "--json"),
        machine.run("backfill", "-", *root, "--strict", "--json", text=recordings.manifest.read_text()),
    ]

    for finished, name in zip(refused, (recordings.manifest, "-"), strict=True):
        assert finished.code == SOME_FAILED, finished.written
        assert f"{name}:3: " in finished.stderr
        assert "Nothing was handed in" in finished.stderr
        document = finished.document
        assert (document["total"], document["rejected"], document["submitted"]) == (3, 1, 0)
    assert machine.run("status", "--json").document["batches"] == []
    assert not simulator.sent()
    both = machine.run("backfill", recordings.manifest, "--strict", "--no-check")
    assert both.code == WRONG_USAGE

    write_jsonl(recordings.manifest, recordings.rows)
    assert machine.run("backfill", "-", *root, "--strict", text=recordings.manifest.read_text()).code == DONE
    assert media_in(simulator) == recordings.expected()


@scenario()
def test_many_rejected_rows_are_told_in_groups_and_a_pipe_as_it_comes(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    good = make_row(machine.folder, 1)
    bad = [
        {"call": make_call(f"bad-{number}", direction="x"), "media": "x.wav"} for number in range(MANY_ROWS)
    ]
    write_jsonl(manifest := machine.folder / "calls.jsonl", [*bad, good])

    checked = machine.run("backfill", manifest, "--no-wait", "--json")
    piped = machine.run("backfill", "-", "--format", "jsonl", "--json", text=manifest.read_text())

    assert (checked.code, piped.code) == (SOME_FAILED, SOME_FAILED), checked.written + piped.written
    assert f"{MANY_ROWS}  calls that the API would refuse: direction" in checked.stderr
    assert "calls.jsonl:1: " not in checked.stderr
    assert (checked.document["submitted"], checked.document["rejected"]) == (1, MANY_ROWS)
    assert len([line for line in piped.stderr.splitlines() if line.startswith("-:")]) == 100
    assert "… and 50 more rows are rejected." in piped.stderr
    assert (piped.document["submitted"], piped.document["rejected_file"]) == (0, "stdin.rejected.jsonl")
    for name in ("calls", "stdin"):
        lines = (machine.folder / f"{name}.rejected.jsonl").read_text().splitlines()
        assert [json.loads(line)["rejected"]["line"] for line in lines] == [*range(1, MANY_ROWS + 1)]


@scenario()
def test_a_run_that_is_stopped_leaves_the_file_that_it_reads_as_it_was(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    rejected = machine.folder / "calls.rejected.jsonl"
    row = json.dumps({"rejected": {"line": 7, "reason": "x"}, "call": make_call("pbx", direction="x")})
    rejected.write_text(f"{row}\n" * LARGE_ROWS)

    command = machine.start("backfill", rejected, "--no-check", "--no-wait")
    await_true(lambda: list(machine.folder.glob(".calls.rejected.jsonl.*")), "rows are rejected", within_s=30)
    command.interrupt()
    finished = command.finish()

    assert finished.code == STOPPED, finished.written
    assert rejected.read_text() == f"{row}\n" * LARGE_ROWS
    assert [path.name for path in machine.folder.glob("*calls.rejected*")] == [rejected.name]
    assert [path.name for path in machine.folder.glob(".calls.rejected*")] == []
