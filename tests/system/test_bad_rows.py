"""What is wrong with one recording is told with its line and reason, is not sent, and stops no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.recordings import make_call, make_recordings, media_in, wav, write_jsonl
from tests.simulators import Simulator
from tests.system.machine import Finished, Machine
from tests.system.scenarios import scenario

SOME_FAILED = 3
TOO_LARGE_BYTES = 1_500_000_001


def bad_rows(folder: Path) -> list[tuple[Any, tuple[str, ...]]]:
    """Make rows that cannot be brought in, each with what must be said of it."""
    media = folder / "media"
    (media / "empty.wav").touch()
    (media / "text.mp3").write_text("this is no recording\n" * 100)
    (media / "folder.wav").mkdir()
    (folder.parent / "outside.wav").write_bytes(wav(bytes(1000)))
    with (media / "large.wav").open("wb") as file:
        file.write(wav(bytes(1000)))
        file.truncate(TOO_LARGE_BYTES)
    return [
        ('{"call": {', ("JSON",)),
        ('["no", "object"]', ("object",)),
        ({"call": make_call("unknown"), "media": "media/1.wav", "note": "x"}, ("note",)),
        (
            {"call": make_call("field", tittle="x"), "media": "media/1.wav"},
            ("tittle: unknown field", "did you mean title?"),
        ),
        ({"call": make_call("no-id", clientUniqueId=""), "media": "media/1.wav"}, ("clientUniqueId",)),
        ({"call": make_call("start", actualStart="17.2.2026"), "media": "media/1.wav"}, ("actualStart",)),
        ({"call": make_call("neither")}, ("media",)),
        (
            {"call": make_call("missing"), "media": "media/none.wav"},
            ("'media/none.wav' is not there", "bring it"),
        ),
        ({"call": make_call("empty"), "media": "media/empty.wav"}, ("'media/empty.wav' is empty",)),
        ({"call": make_call("large"), "media": "media/large.wav"}, ("1,500,000,001 bytes", "1,500,000,000")),
        ({"call": make_call("text"), "media": "media/text.mp3"}, ("'media/text.mp3'", "audio nor video")),
        ({"call": make_call("folder"), "media": "media/folder.wav"}, ("is a folder",)),
        ({"call": make_call("outside"), "media": "../outside.wav"}, ("'../outside.wav'", "media root")),
        ({"call": make_call("absolute"), "media": "/etc/passwd"}, ("'/etc/passwd'", "media root")),
        ({"call": make_call("ftp"), "media": "ftp://host/1.wav"}, ("ftp://", "not supported")),
        (
            {"call": make_call("pbx-1", title="another"), "media": "media/1.wav"},
            ("clientUniqueId", "'pbx-1' stands in line 1 already"),
        ),
    ]


def line_about(finished: Finished, start: str) -> str:
    """Find the one line on standard error that holds this text."""
    found = [line for line in finished.stderr.splitlines() if start in line]
    assert len(found) == 1, (start, finished.stderr)
    return found[0]


@scenario()
def test_a_bad_row_is_told_stops_no_other_and_is_brought_in_once_it_is_mended(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 6)
    bad = bad_rows(recordings.folder)
    rows: list[Any] = [*recordings.rows[:3], *(row for row, _ in bad), *recordings.rows[3:]]
    write_jsonl(recordings.manifest, rows)

    finished = machine.run("backfill", recordings.manifest, "--json")

    assert finished.code == SOME_FAILED, finished.written
    for line, (_, says) in enumerate(bad, start=4):
        told = line_about(finished, f"calls.jsonl:{line}: ")
        assert [part for part in says if part not in told] == [], told
    assert "Traceback" not in finished.written + machine.logs()
    document = finished.document
    assert (document["total"], document["rejected"], document["done"]) == (len(rows), len(bad), 6)
    assert media_in(simulator) == recordings.expected()
    assert len(simulator.sent()) == 12

    (recordings.folder / "media" / "none.wav").write_bytes(wav(b"brought later"))
    mended = machine.run("backfill", recordings.manifest, "--json")

    document = mended.document
    assert (document["submitted"], document["rejected"], document["requests"]) == (1, len(bad) - 1, 2)
    assert set(media_in(simulator)) == {*recordings.expected(), "missing"}


@scenario()
def test_a_dead_letter_is_brought_back_at_the_step_where_it_stood(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 2)
    media = [recordings.folder / row["media"] for row in recordings.rows]
    mended = media[1].read_bytes()
    media[1].write_bytes(media[0].read_bytes())

    finished = machine.run(
        "backfill", recordings.manifest, "--json", settings={"GONG_INGEST_CONCURRENCY": "1"}
    )

    assert finished.code == SOME_FAILED, finished.written
    document = finished.document
    assert (document["done"], document["dead"]) == (1, 1)
    told = line_about(finished, "dead: ")
    assert all(part in told for part in ("pbx-", "duplicate_content", "same media", "requestId"))
    assert "gong-ingest retry calls" in finished.stderr

    media[1].write_bytes(mended)
    assert machine.run("retry", "calls", "--json").document == {"retried": 1}
    again = machine.run("backfill", recordings.manifest, "--json")

    assert again.code == 0, again.written
    assert again.document["requests"] == 1
    assert simulator.record()["totals"]["create"] == {"200": 2}
    assert media_in(simulator) == recordings.expected()
