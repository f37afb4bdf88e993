"""The ways to hand a manifest in."""

from __future__ import annotations

from pathlib import Path

from tests.recordings import make_call, make_recordings, media_in, write_jsonl
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario


@scenario()
def test_a_call_that_the_api_downloads_itself_is_one_request(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    manifest = folder / "calls.jsonl"
    url = "https://recordings.example.org/1.mp3"
    write_jsonl(manifest, [{"call": make_call("pbx-1", downloadMediaUrl=url)}])

    finished = machine.run("backfill", manifest, "--json")

    assert finished.code == 0, finished.stderr
    document = finished.document
    assert (document["done"], document["requests"]) == (1, 1)
    record = simulator.record()
    assert record["totals"] == {"users": {"200": 1}, "create": {"200": 1}}
    assert [(call["body"]["downloadMediaUrl"], call["media"]) for call in record["calls"]] == [(url, None)]


@scenario()
def test_a_table_goes_the_whole_way(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", 5, name="february.csv")

    finished = machine.run("backfill", recordings.manifest, "--json")

    assert finished.code == 0, finished.stderr
    assert finished.document["batch"] == "february"
    assert media_in(simulator) == recordings.expected()
    bodies = {call["clientUniqueId"]: call["body"] for call in simulator.record()["calls"]}
    assert bodies == {row["call"]["clientUniqueId"]: row["call"] for row in recordings.rows}


@scenario()
def test_standard_input_is_a_manifest_too(machine: Machine, simulator: Simulator, folder: Path) -> None:
    lines = make_recordings(folder / "recordings", 3)
    both = make_recordings(folder / "recordings", 5, name="calls.csv")

    for recordings, form in ((lines, "jsonl"), (both, "csv")):
        finished = machine.run(
            "backfill",
            "-",
            *("--format", form, "--media-root", recordings.folder, "--json"),
            text=recordings.manifest.read_text("utf-8"),
        )
        assert finished.code == 0, finished.stderr
        assert finished.document["batch"] == "stdin"
        assert media_in(simulator) == recordings.expected()


@scenario()
def test_a_longer_manifest_brings_in_only_what_is_new(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    make_recordings(folder / "recordings", 3)
    machine.run("backfill", folder / "recordings" / "calls.jsonl")

    longer = make_recordings(folder / "recordings", 5, name="more.jsonl")
    finished = machine.run("backfill", longer.manifest, "--json")

    document = finished.document
    assert finished.code == 0, finished.stderr
    assert (document["total"], document["submitted"], document["done"], document["requests"]) == (5, 2, 5, 4)
    assert media_in(simulator) == longer.expected()
