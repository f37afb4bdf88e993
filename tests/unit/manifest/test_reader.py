"""Opening a manifest, telling its form, checking its rows."""

import errno
import gc
import io
import itertools
import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import pytest

from pipeline.errors import CallInvalid, ManifestUnreadable, MediaRefused, MediaUnavailable, RecordingRefused
from pipeline.manifest import Reading, RejectedRow, Row, read_manifest
from tests.unit.manifest.builders import jsonl, lines_of, make_call, make_cells, only_rejected, read, table


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


ONE_LINE = jsonl({"call": make_call(), "media": "a.wav"})
ONE_TABLE = table(make_cells())
EXPECTED = Row(1, make_call(), "a.wav")


# --- what is wrong with the whole is raised at the call, not at the first row


def test_missing_manifest_is_named_with_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ManifestUnreadable) as raised:
        read_manifest(Path("calls.csv"))
    assert "calls.csv" in str(raised.value)
    assert str(tmp_path) in str(raised.value)


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestUnreadable, match="is a folder"):
        read_manifest(tmp_path)


def test_manifest_that_cannot_be_opened_is_refused_with_the_reason(tmp_path: Path) -> None:
    loop = tmp_path / "calls.csv"
    loop.symlink_to(loop)
    with pytest.raises(ManifestUnreadable, match="cannot be read: Too many levels of symbolic links"):
        read_manifest(loop)


def test_path_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(ManifestUnreadable, match="cannot be read"):
        read_manifest(Path("calls\0.csv"))


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
@pytest.mark.parametrize("name", ["calls.csv", "calls.jsonl", "calls"])
def test_empty_manifest_has_no_rows(
    manifest: Callable[[str, bytes], Path], name: str, content: bytes
) -> None:
    with pytest.raises(ManifestUnreadable, match="has no rows"):
        read_manifest(manifest(name, content))


def test_header_alone_has_no_rows(manifest: Callable[[str, bytes], Path]) -> None:
    header = ONE_TABLE.splitlines()[0]
    with pytest.raises(ManifestUnreadable, match="has no rows"):
        read_manifest(manifest("calls.csv", header + b"\n\n"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_and_without_being_chosen_is_refused(encoding: str) -> None:
    with pytest.raises(ManifestUnreadable, match="is not UTF-8"):
        read_manifest(io.BytesIO(ONE_TABLE.decode().encode(encoding)))


@pytest.mark.parametrize("content", [b'[{"call": {}}]', b"[\n", b'{\n  "call": {}\n}\n'])
def test_json_that_is_not_one_object_a_line_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestUnreadable, match="one object on each line"):
        read_manifest(io.BytesIO(content))


# --- the form


@pytest.mark.parametrize(
    "name", ["calls.jsonl", "calls.ndjson", "calls.json", "CALLS.JSONL", "calls", "calls.txt"]
)
def test_json_lines_are_told_by_ending_or_first_character(
    manifest: Callable[[str, bytes], Path], name: str
) -> None:
    assert list(read_manifest(manifest(name, b"\n  \n" + ONE_LINE))) == [Row(3, make_call(), "a.wav")]


def test_tab_is_what_stands_between_cells_where_the_ending_says_so(
    manifest: Callable[[str, bytes], Path],
) -> None:
    path = manifest("calls.tsv", ONE_TABLE.replace(b",", b"\t"))
    assert list(read_manifest(path)) == [Row(2, make_call(), "a.wav")]


def test_delimiter_that_was_chosen_goes_before_the_ending(manifest: Callable[[str, bytes], Path]) -> None:
    path = manifest("calls.tsv", ONE_TABLE.replace(b",", b"|"))
    assert list(read_manifest(path, reading=Reading(delimiter="|"))) == [Row(2, make_call(), "a.wav")]


@pytest.mark.parametrize("name", ["calls.csv", "calls.CSV", "calls", "calls.txt"])
def test_csv_is_told_by_ending_or_first_character(manifest: Callable[[str, bytes], Path], name: str) -> None:
    assert list(read_manifest(manifest(name, b"\n \r\n" + ONE_TABLE))) == [Row(4, make_call(), "a.wav")]


def test_given_form_goes_before_the_ending(manifest: Callable[[str, bytes], Path]) -> None:
    assert list(read_manifest(manifest("calls.csv", ONE_LINE), form="jsonl")) == [EXPECTED]


def test_standard_input_needs_a_form() -> None:
    with pytest.raises(ManifestUnreadable, match="form of standard input must be given"):
        read_manifest(Path("-"))


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ONE_LINE)))
    assert list(read_manifest(Path("-"), form="jsonl")) == [EXPECTED]


def test_pipe_is_read_without_seeking() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as pipe:
        pipe.write(ONE_LINE)
    with os.fdopen(read_end, "rb") as stream:
        assert list(read_manifest(stream)) == [EXPECTED]


# --- checks of each row


def test_invalid_call_is_rejected_with_every_field() -> None:
    rejected = only_rejected(
        jsonl({"call": make_call(direction="Sideways", primaryUser=7), "media": "a.wav"})
    )
    assert rejected.code == "call_invalid"
    assert {problem.field for problem in rejected.problems} == {"direction", "primaryUser"}
    assert rejected.client_unique_id == "pbx-1"
    assert all(problem.message in rejected.reason for problem in rejected.problems)


def test_call_without_media_needs_a_download_media_url() -> None:
    url = "https://media.acme.test/a.mp3"
    without, with_url = read(jsonl({"call": make_call()}, {"call": make_call(downloadMediaUrl=url)}))
    assert isinstance(without, RejectedRow)
    assert without.code == "call_invalid"
    assert with_url == Row(2, make_call(downloadMediaUrl=url), None)


def test_client_unique_id_that_is_no_text_is_not_repeated() -> None:
    assert only_rejected(jsonl({"call": make_call(clientUniqueId=7), "media": "a"})).client_unique_id is None


def test_refused_media_rejects_the_row_with_its_code() -> None:
    def refuse(media: str) -> None:
        raise MediaRefused("media_empty", f"{media} has no bytes.")

    rejected = only_rejected(ONE_LINE, check_media=refuse)
    assert (rejected.code, rejected.reason) == ("media_empty", "media: a.wav has no bytes.")
    assert rejected.client_unique_id == "pbx-1"


def test_media_that_cannot_be_reached_now_rejects_nothing() -> None:
    def unavailable(media: str) -> None:
        raise MediaUnavailable("The store does not answer.")

    assert read(ONE_LINE, check_media=unavailable) == [EXPECTED]


def test_media_is_looked_at_only_for_valid_calls_that_have_some() -> None:
    looked_at: list[str] = []
    content = jsonl(
        {"call": make_call(direction="Sideways"), "media": "invalid.wav"},
        {"call": make_call(downloadMediaUrl="https://media.acme.test/a.mp3")},
        {"call": make_call(), "media": "valid.wav"},
    )
    read(content, check_media=looked_at.append)
    assert looked_at == ["valid.wav"]


def test_bad_rows_stop_no_others() -> None:
    good = jsonl({"call": make_call(), "media": "a.wav"})
    bad = [b"{\n", b'{"call": 1}\n', b"\xff\n", b'{"call": {}}\n', b"\0\n", b"[]\n"]
    rows = read(good + b"".join(each + good for each in bad))
    assert lines_of(rows) == [("Row" if line % 2 else "RejectedRow", line) for line in range(1, 14)]


@pytest.mark.parametrize("error", [CallInvalid(()), RecordingRefused("odd", "Odd.")])
def test_any_refusal_of_media_is_a_rejected_row(error: RecordingRefused) -> None:
    def refuse(media: str) -> None:
        raise error

    assert only_rejected(ONE_LINE, check_media=refuse).code == error.code


def test_other_errors_of_the_check_are_not_hidden() -> None:
    def broken(media: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read(ONE_LINE, check_media=broken)


# --- the stream


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_file_is_closed_at_the_end_and_when_dropped_halfway(manifest: Callable[[str, bytes], Path]) -> None:
    path = manifest("calls.jsonl", ONE_LINE * 3)
    before = _open_files()
    unstarted, halfway, finished = (read_manifest(path) for _ in range(3))
    next(halfway)
    assert _open_files() == before + 3
    assert len(list(finished)) == 3
    assert _open_files() == before + 2
    del unstarted, halfway
    gc.collect()
    assert _open_files() == before


def test_stream_of_the_caller_is_left_open() -> None:
    stream = io.BytesIO(ONE_LINE)
    assert list(read_manifest(stream)) == [EXPECTED]
    assert not stream.closed


class _Repeating(io.RawIOBase):
    """A line as often as asked for, without ever holding them all; then, if wanted, a disk that fails."""

    def __init__(self, text: bytes, times: int, *, head: bytes = b"", then: OSError | None = None) -> None:
        self._texts = itertools.chain([head] if head else [], itertools.repeat(text, times))
        self._then = then

    def readline(self, size: int | None = -1, /) -> bytes:
        text = next(self._texts, b"")
        if not text and self._then:
            raise self._then
        assert size is not None
        assert len(text) <= size
        return text


_LONG_DATA = "x" * 5_000
_LONG_LINE = jsonl({"call": make_call(customData=_LONG_DATA), "media": "a.wav"})
_LONG_TABLE = table(make_cells(customData=_LONG_DATA)).splitlines(keepends=True)


@pytest.mark.parametrize(
    ("head", "row"), [(b"", _LONG_LINE), (_LONG_TABLE[0], _LONG_TABLE[1])], ids=["jsonl", "csv"]
)
def test_memory_does_not_grow_with_the_number_of_rows(head: bytes, row: bytes) -> None:
    times = 1_000
    tracemalloc.start()
    try:
        rows = read_manifest(cast("IO[bytes]", _Repeating(row, times, head=head)))
        assert sum(isinstance(each, Row) for each in rows) == times
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < times * len(row) / 10


def test_failing_disk_is_told_with_the_line() -> None:
    rows = read_manifest(
        cast("IO[bytes]", _Repeating(ONE_LINE, 2, then=OSError(errno.EIO, "Input/output error")))
    )
    assert next(rows) == EXPECTED
    assert isinstance(next(rows), Row)
    with pytest.raises(ManifestUnreadable, match="beyond line 2: Input/output error"):
        next(rows)
