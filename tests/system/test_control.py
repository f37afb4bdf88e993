"""Batches that are paused, resumed, cancelled and brought back while a backfill runs beside."""

from __future__ import annotations

import json
from pathlib import Path

from tests.recordings import make_recordings, media_in, wav, write_jsonl
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario
from tests.system.terminal import Terminal
from tests.waiting import await_true

COUNT = 24
AWAIT_S = 60.0
SLOW: dict[str, str | None] = {"GONG_INGEST_REQUESTS_PER_SECOND": "3"}
WRONG_USAGE, SOME_FAILED, STOPPED = 2, 3, 4


@scenario()
def test_a_backfill_stands_still_while_its_batch_is_paused_and_ends_when_it_is_cancelled(
    machine: Machine, api: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    backfill = machine.start("backfill", recordings.manifest, "--json", settings=SLOW)
    await_true(lambda: api.health()["requests"] >= 2, "the backfill is on its way", within_s=AWAIT_S)

    paused = machine.run("pause", "calls", "--json", settings=SLOW)
    assert paused.document["batches"][0]["changed"]
    assert "Go on with: gong-ingest resume calls" in paused.stderr
    await_true(lambda: counts_of(machine)["active"] == 0, "what was under way is finished", within_s=AWAIT_S)
    requests = api.health()["requests"]
    assert machine.run("pause", "--all", "--json", settings=SLOW).document["batches"][0]["changed"] is False
    assert api.health()["requests"] == requests

    assert "calls goes on" in machine.run("resume", "calls", settings=SLOW).stderr
    await_true(lambda: api.health()["requests"] > requests, "the backfill goes on", within_s=AWAIT_S)
    cancelled = machine.run("cancel", "calls", "--yes", "--json", settings=SLOW)
    finished = backfill.finish()

    assert finished.code == SOME_FAILED, finished.stderr
    document = finished.document
    assert document["cancelled"] >= cancelled.document["batches"][0]["cancelled"] > 0
    assert document["done"] + document["cancelled"] == COUNT
    assert len(media_in(api)) == document["done"]

    assert machine.run("retry", "calls", "--reason", "cancelled", "--json").document == {
        "retried": document["cancelled"]
    }
    again = machine.run("backfill", recordings.manifest, "--json")
    assert (again.code, again.document["done"]) == (0, COUNT), again.stderr
    assert media_in(api) == recordings.expected()


def counts_of(machine: Machine) -> dict[str, int]:
    counts: dict[str, int] = machine.run("status", "calls", "--json", settings=SLOW).document["batches"][0]
    return counts


@scenario()
def test_dead_letters_are_shown_by_reason_and_brought_back_by_it(
    machine: Machine, api: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 3)
    same, other = (recordings.folder / row["media"] for row in recordings.rows[1:])
    other.write_bytes(same.read_bytes())
    machine.run("backfill", recordings.manifest, settings={"GONG_INGEST_CONCURRENCY": "1"})

    (batch,) = machine.run("dead", "--json").document["batches"]
    shown = machine.run("dead", "calls")
    (line,) = machine.run("dead", "calls", "--list", "--json", "--limit", "5").stdout.splitlines()
    typo = machine.run("dead", "calls", "--reason", "duplicate")

    (reason,) = batch["reasons"]
    assert (batch["batch"], batch["dead"], reason["code"], reason["count"]) == (
        "calls",
        1,
        "duplicate_content",
        1,
    )
    assert reason["steps"] == {"upload_media": 1}
    letter = reason["example"]
    assert json.loads(line) == letter
    assert letter["client_unique_id"] in {"pbx-2", "pbx-3"}
    assert "1 duplicate_content (1 at upload_media)" in shown.stdout
    assert "gong-ingest retry calls --reason duplicate_content" in shown.stdout
    assert "Nothing died of 'duplicate'. Dead letters have the reasons: duplicate_content." in typo.stderr

    dead = recordings.folder / "media" / f"{letter['client_unique_id'].removeprefix('pbx-')}.wav"
    dead.write_bytes(wav(b"another recording"))
    for name in (letter["client_unique_id"], letter["job_id"]):
        nothing = machine.run("retry", "calls", "--reason", "other", "--id", name, "--json")
        assert nothing.document == {"retried": 0}
        assert "nothing that was named is dead" in nothing.stderr
    assert machine.run("retry", "--id", letter["job_id"], "--json").document == {"retried": 1}
    assert machine.run("backfill", recordings.manifest).code == 0
    assert machine.run("dead").stderr == "No recording is dead.\n"


@scenario()
def test_a_cancel_is_asked_for(machine: Machine, api: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", 2)
    machine.run("backfill", recordings.manifest, "--no-wait")

    refused = machine.run("cancel", "calls")
    assert (refused.code, refused.stderr) == (
        WRONG_USAGE,
        "gong-ingest: cancel asks before it does anything, and there is no terminal: give --yes.\n",
    )
    no = answered(machine, "n\n")
    assert (no[0], "Nothing was cancelled." in no[1]) == (STOPPED, True)
    yes = answered(machine, "y\n")
    assert (yes[0], "Cancelled 2 recordings of calls." in yes[1]) == (0, True)
    assert "There is nothing to cancel" in machine.run("cancel", "--all", "--yes").stderr


def answered(machine: Machine, answer: str) -> tuple[int, str]:
    terminal = Terminal(machine, "cancel", "calls")
    await_true(lambda: "Cancel 2 recordings of calls? [y/N]" in terminal.shown, "it asks", within_s=AWAIT_S)
    terminal.type(answer)
    finished = terminal.finish()
    return finished.code, finished.stderr


@scenario()
def test_what_is_not_there_or_not_said_is_told(machine: Machine, api: Simulator, folder: Path) -> None:
    write_jsonl(folder / "calls.jsonl", [])
    recordings = make_recordings(folder / "recordings", 1, name="july.jsonl")
    machine.run("backfill", recordings.manifest, "--no-wait")

    for command in ("pause", "dead"):
        unknown = machine.run(command, "jully")
        assert (unknown.code, unknown.stderr) == (
            WRONG_USAGE,
            "gong-ingest: There is no batch 'jully'; there are: july.\n",
        )
    unsaid = machine.run("retry")
    assert (unsaid.code, unsaid.stderr) == (
        WRONG_USAGE,
        "gong-ingest: Name one batch, or mean all of them with --all.\n",
    )
    nobody = machine.run("retry", "--id", "pbx-9")
    assert (nobody.code, "There is no recording 'pbx-9'" in nobody.stderr) == (WRONG_USAGE, True)
