"""Accounting for every row: the report, rejected rows that are right now, and what is forgotten."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from tests.recordings import make_recordings, media_in, write_jsonl
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario


def report_of(machine: Machine) -> list[dict[str, Any]]:
    return [json.loads(line) for line in machine.run("report", "calls", "--json").stdout.splitlines()]


def states_of(machine: Machine) -> list[tuple[int, str]]:
    return [(row["line"], row["state"]) for row in report_of(machine)]


@scenario()
def test_every_row_is_accounted_for_to_the_end(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", 4)
    rows: list[object] = [*recordings.rows, "{broken"]
    write_jsonl(recordings.manifest, rows)
    gone = recordings.folder / recordings.rows[1]["media"]
    content = gone.read_bytes()
    gone.unlink()

    # given a manifest with media that is missing and a row that cannot be read
    first = machine.run("backfill", recordings.manifest, "--json")
    assert (first.code, first.document["done"], first.document["rejected"]) == (3, 3, 2)
    assert states_of(machine) == [(1, "done"), (2, "rejected"), (3, "done"), (4, "done"), (5, "rejected")]

    # when the media has come, the row is handed in from the ledger alone
    gone.write_bytes(content)
    requeued = machine.run("requeue", "calls", "--media-root", recordings.folder, "--json")
    assert (requeued.code, requeued.document) == (3, {"batch": "calls", "requeued": 1, "rejected": 1})
    assert machine.run("backfill", recordings.manifest, "--json").document["done"] == 4
    assert media_in(simulator) == recordings.expected()

    # then the report names what the API has of each
    calls = {call["clientUniqueId"]: call for call in simulator.record("requests=0")["calls"]}
    report = report_of(machine)
    for row in report[:4]:
        call = calls[row["client_unique_id"]]
        assert (row["call_id"], row["sha256"]) == (call["callId"], call["media"]["sha256"])
        assert row["url"].endswith(call["callId"])
    assert (report[4]["state"], report[4]["code"]) == ("rejected", "row_malformed")
    path = folder / "calls.report.csv"
    assert machine.run("report", "calls", "--output", path).code == 0
    table = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    assert [row["client_unique_id"] for row in table] == [row["client_unique_id"] or "" for row in report]
    assert all(row["call_id"].startswith("'") for row in table[:4])

    # and it is forgotten when a person says so, and not before
    refused = machine.run("forget", "calls")
    assert (refused.code, "give --yes" in refused.stderr) == (2, True)
    kept = machine.run("forget", "calls", "--yes", "--json")
    assert kept.document == {"batch": "calls", "forgotten": 4, "left": 1}
    assert states_of(machine) == [(5, "rejected")]
    assert machine.run("forget", "calls", "--yes", "--rejected", "--json").document["left"] == 0
    unknown = machine.run("report", "calls")
    assert (unknown.code, unknown.stdout) == (2, "")
    assert "There is no batch 'calls'; there are: none." in unknown.stderr
    # what is handed in again is found in the API, and nothing is made twice
    again = machine.run("backfill", recordings.manifest, "--json")
    assert (again.document["done"], again.document["adopted"]) == (4, 4)
    assert media_in(simulator) == recordings.expected()


@scenario()
def test_an_edited_manifest_changes_what_was_not_sent(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 3)
    assert machine.run("gate", "close").code == 0
    assert machine.run("backfill", recordings.manifest, "--no-wait", "--json").document["submitted"] == 3
    recordings.rows[1]["call"]["title"] = "Edited"
    write_jsonl(recordings.manifest, recordings.rows)
    assert machine.run("gate", "open").code == 0

    edited = machine.run("backfill", recordings.manifest, "--json")
    recordings.rows[2]["call"]["title"] = "Too late"
    write_jsonl(recordings.manifest, recordings.rows)
    late = machine.run("backfill", recordings.manifest, "--json")

    assert (edited.code, edited.document["updated"], edited.document["done"]) == (0, 1, 3)
    calls = {call["clientUniqueId"]: call["body"] for call in simulator.record("requests=0")["calls"]}
    assert calls["pbx-2"]["title"] == "Edited"
    assert (late.code, late.document["rejected"], late.document["requests"]) == (3, 1, 0)
    assert "Gong has the call, and calls cannot be changed there." in late.stderr
    assert "title" not in calls["pbx-3"]
