"""What a person is told of the file of rejected rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.backfill.rejected import RejectedRows, command_of, requeue_of
from pipeline.errors import Problem
from pipeline.manifest import RejectedRow, read_manifest
from pipeline.manifest.rejected.file import RejectedFile


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls.jsonl").write_text("{}\n{}\n")
    return tmp_path


def handed_over(path: Path | None = None) -> RejectedRows:
    manifest = read_manifest(Path("calls.jsonl"))
    rejected = RejectedRows(RejectedFile(manifest, path))
    for row in manifest:
        assert isinstance(row, RejectedRow)
        rejected.add(row)
    return rejected


def test_it_is_told_where_rejected_rows_are_and_what_to_do(folder: Path) -> None:
    rejected = handed_over()
    rejected.finish()
    assert rejected.sentences("do this", "") == [
        "2 rejected rows stand in calls.rejected.jsonl. Correct them there, then run: do this"
    ]


def test_rows_that_lack_only_their_media_need_not_be_handed_in_again(folder: Path) -> None:
    lacking = RejectedRow(3, "a", "media_missing", (Problem("media", "is not there"),), "{}")
    rejected = handed_over()
    rejected.add(lacking)
    rejected.finish()
    assert rejected.sentences("do this", "or that") == [
        "3 rejected rows stand in calls.rejected.jsonl. Correct them there, then run: do this",
        "Of one only the media is wrong. When it is right, this is enough: or that",
    ]
    (folder / "calls.rejected.jsonl").unlink()
    none_else = RejectedRows(RejectedFile(read_manifest(Path("calls.jsonl"))))
    none_else.add(lacking)
    none_else.add(lacking)
    none_else.finish()
    assert none_else.sentences("do this", "or that") == [
        "2 rejected rows stand in calls.rejected.jsonl.",
        "Of 2 only the media is wrong. When it is right, this is enough: or that",
    ]


def test_it_is_told_what_became_of_an_older_file(folder: Path) -> None:
    (folder / "calls.rejected.jsonl").write_text("mended\n")
    rejected = handed_over()
    rejected.finish()
    assert rejected.sentences("", "")[1:] == [
        "calls.rejected.jsonl of an earlier run had other rows; it is kept as calls.rejected.jsonl.bak."
    ]
    none = RejectedRows(RejectedFile(read_manifest(Path("calls.jsonl"))))
    none.finish()
    (sentence,) = none.sentences("", "")
    assert sentence.startswith("calls.rejected.jsonl of an earlier run is not needed any more; it is kept as")
    again = RejectedRows(RejectedFile(read_manifest(Path("calls.jsonl"))))
    again.finish()
    assert again.sentences("", "") == []


def test_a_place_that_is_lost_stops_nothing_and_is_told(folder: Path) -> None:
    (folder / "there").mkdir()
    manifest = read_manifest(Path("calls.jsonl"))
    rejected = RejectedRows(RejectedFile(manifest, Path("there/x.jsonl")))
    (folder / "there").rmdir()

    for row in manifest:
        assert isinstance(row, RejectedRow)
        rejected.add(row)
    rejected.finish()

    assert rejected.path is None
    (sentence,) = rejected.sentences("", "")
    assert "could not be written to there/x.jsonl: No such file or directory. Name another" in sentence


def test_the_command_has_what_the_file_does_not_say() -> None:
    def command(path: str, **options: Any) -> str:
        return command_of(Path(path), batch="calls", **({"media_root": None, "map_path": None} | options))

    assert command("calls.rejected.csv") == "gong-ingest backfill calls.rejected.csv"
    assert command("bad rows.csv", map_path=Path("map.toml")) == (
        "gong-ingest backfill 'bad rows.csv' --batch calls --map map.toml"
    )
    assert command("calls.rejected.csv", media_root=Path("/media")) == (
        "gong-ingest backfill calls.rejected.csv --media-root /media"
    )
    assert command("calls.rejected.csv", media_root="s3://b/a", links=True) == (
        "gong-ingest backfill calls.rejected.csv --media-root s3://b/a --media-mode link"
    )


def test_the_command_for_media_that_has_come_says_where() -> None:
    assert requeue_of("calls", media_root=None, links=False) == "gong-ingest requeue calls"
    assert requeue_of("my calls", media_root="s3://b/a", links=True) == (
        "gong-ingest requeue 'my calls' --media-root s3://b/a --media-mode link"
    )
