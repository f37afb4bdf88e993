"""Uploads lie under names of their own until their jobs are done, and nobody's is replaced or lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.api.problem import Refused
from pipeline.api.uploads import INCOMING_KEPT_S, UNKNOWN_KEPT_S, Uploads
from pipeline.errors import LedgerRefused, LedgerUnreachable, MediaRefused, SettingsInvalid
from pipeline.job import State, job_id_of
from pipeline.media import Access, probe
from pipeline.settings import Settings
from tests.recordings import make_call, wav

NOW = 1_800_000_000.0


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path, tmp_path / "uploads" / "gong-ingest")


def keep(uploads: Uploads, name: str, content: bytes = b"abc", **call: Any) -> tuple[str, bool]:
    with uploads.receiving() as incoming:
        incoming.write(wav(content))
        return uploads.keep(incoming, make_call(name, **call))


def files(uploads: Uploads) -> list[str]:
    return sorted(path.name for path in uploads.folder.rglob("*") if path.is_file())


def age(uploads: Uploads, reference: str, seconds: float) -> None:
    os.utime(uploads.root / reference, (NOW - seconds, NOW - seconds))


def test_a_file_is_where_workers_find_it_under_its_jobs_name(uploads: Uploads) -> None:
    reference, is_new = keep(uploads, "pbx-1")

    assert is_new
    assert Path(reference).name.startswith(f"{job_id_of('pbx-1')}-")
    assert probe(reference, Access(roots=(uploads.root,))).size_bytes == len(wav(b"abc"))
    assert files(uploads) == [Path(reference).name]


def test_the_same_recording_has_the_same_file_and_any_other_another(uploads: Uploads) -> None:
    reference, _ = keep(uploads, "pbx-1")
    before = (uploads.root / reference).stat()

    assert keep(uploads, "pbx-1") == (reference, False)
    others = {
        keep(uploads, "pbx-1", b"other")[0],
        keep(uploads, "pbx-1", title="other")[0],
        keep(uploads, "pbx-2")[0],
    }

    # It is the very file: who reads it meanwhile finds nothing changed.
    after = (uploads.root / reference).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len(others | {reference}) == len(files(uploads)) == 4


def test_a_place_without_links_has_the_same_rules(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(os, "link", refuse)

    assert [keep(uploads, "pbx-1")[1], keep(uploads, "pbx-1")[1]] == [True, False]
    assert len(files(uploads)) == 1


@pytest.mark.parametrize(("content", "code"), [(b"", "media_empty"), (b"text " * 100, "media_kind")])
def test_what_is_no_media_is_refused_and_where_it_lay_is_not_told(
    uploads: Uploads, content: bytes, code: str
) -> None:
    with uploads.receiving() as incoming:
        incoming.write(content)
        with pytest.raises(MediaRefused) as refused:
            uploads.keep(incoming, make_call("pbx-1"))

    assert refused.value.code == code
    assert str(uploads.root) not in str(refused.value)
    assert files(uploads) == []


def test_a_disk_that_takes_no_more_is_told_and_nothing_stays(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(Refused) as refused:
        keep(uploads, "pbx-1")
    assert (refused.value.status, refused.value.code) == (503, "uploads_not_writable")
    assert files(uploads) == []


@pytest.mark.parametrize(
    ("state", "is_kept"),
    [
        (State.DONE, False),
        (State.PENDING, True),
        (State.ACTIVE, True),
        (State.DEAD, True),
        (State.CANCELLED, True),
        (None, True),
    ],
)
def test_a_file_is_removed_when_its_job_is_done_and_not_before(
    uploads: Uploads, state: State | None, is_kept: bool
) -> None:
    reference, _ = keep(uploads, "pbx-1")
    age(uploads, reference, UNKNOWN_KEPT_S - 60)
    asked: list[str] = []

    def states(job_ids: Sequence[str]) -> list[State | None]:
        asked.extend(job_ids)
        return [state] * len(job_ids)

    assert uploads.sweep(states, now=NOW) == (not is_kept)
    assert bool(files(uploads)) is is_kept
    assert asked == [job_id_of("pbx-1")]


def test_what_the_ledger_does_not_know_is_kept_for_a_week(uploads: Uploads) -> None:
    reference, _ = keep(uploads, "pbx-1")
    age(uploads, reference, UNKNOWN_KEPT_S + 60)

    assert uploads.sweep(lambda ids: [None] * len(ids), now=NOW) == 1
    assert files(uploads) == []


def test_what_a_killed_server_left_is_swept_and_what_is_being_received_is_not(uploads: Uploads) -> None:
    with uploads.receiving() as old, uploads.receiving() as young:
        for each, age_s in ((old, INCOMING_KEPT_S + 60), (young, 60)):
            each.file.flush()
            os.utime(each.path, (NOW - age_s, NOW - age_s))

        assert uploads.sweep(lambda _: [], now=NOW) == 1
        assert not old.path.exists()
        assert young.path.exists()


def test_nothing_is_swept_while_the_ledger_is_out_of_reach(uploads: Uploads) -> None:
    keep(uploads, "pbx-1")

    def fail(_: Sequence[str]) -> list[State | None]:
        raise LedgerUnreachable("gone")

    with pytest.raises(LedgerUnreachable):
        uploads.sweep(fail, now=NOW + 10 * UNKNOWN_KEPT_S)
    assert len(files(uploads)) == 1


@pytest.mark.parametrize("which", ["uploads", "shelf", "incoming"])
def test_a_folder_that_cannot_be_read_is_told_once_and_ends_nothing(
    uploads: Uploads, which: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reference, _ = keep(uploads, "pbx-1")
    shelf = (uploads.root / reference).parent
    gone = {"uploads": uploads.folder, "shelf": shelf, "incoming": uploads.folder / ".incoming"}[which]
    scandir, listdir = os.scandir, os.listdir

    def fail(read: Any) -> Any:
        def instead(folder: Any) -> Any:
            if Path(folder) == gone:
                raise OSError(errno.ESTALE, "Stale file handle")
            return read(folder)

        return instead

    monkeypatch.setattr(os, "scandir", fail(scandir))
    monkeypatch.setattr(os, "listdir", fail(listdir))
    for _ in range(2):
        assert uploads.sweep(lambda ids: [State.DONE] * len(ids), now=NOW) == 0
    assert caplog.text.count("Uploads are not swept until this is mended: [Errno") == 1

    monkeypatch.undo()
    assert uploads.sweep(lambda ids: [State.DONE] * len(ids), now=NOW) == 1


def test_a_ledger_that_refuses_is_told_once_and_nothing_is_removed(
    uploads: Uploads, caplog: pytest.LogCaptureFixture
) -> None:
    keep(uploads, "pbx-1")

    def refuse(_: Sequence[str]) -> list[State | None]:
        raise LedgerRefused("The ledger's server refuses: NOPERM.")

    for _ in range(2):
        assert uploads.sweep(refuse, now=NOW + 10 * UNKNOWN_KEPT_S) == 0
    assert caplog.text.count("NOPERM") == 1
    assert len(files(uploads)) == 1


def test_files_of_others_are_let_alone(uploads: Uploads) -> None:
    folder = uploads.folder / "ab"
    folder.mkdir(parents=True)
    (folder / "somebody.wav").write_bytes(b"x")

    assert uploads.sweep(lambda ids: [State.DONE] * len(ids), now=NOW) == 0
    assert files(uploads) == ["somebody.wav"]


def test_each_namespace_has_a_folder_of_its_own_below_a_media_root(tmp_path: Path) -> None:
    root = tmp_path / "media"
    found = Uploads.of(
        Settings(media_roots=("s3://bucket", root), api_uploads=root / "up", namespace="gong-ingest-acme")
    )

    assert found == Uploads(root, root / "up" / "gong-ingest-acme")
    assert Uploads.of(Settings(media_roots=(root,))) is None
    with pytest.raises(SettingsInvalid, match="GONG_INGEST_MEDIA_ROOTS"):
        Uploads.of(Settings(media_roots=(root,), api_uploads=tmp_path / "elsewhere"))
