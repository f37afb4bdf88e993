"""Reads a manifest: opens it, tells its form, and checks every row.

Invariants: memory does not grow with the number of rows; what makes the manifest as a whole unreadable is
raised before the first row is handed out; a row that cannot be brought in stops no other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Literal

from pipeline.call import check_call
from pipeline.errors import CallInvalid, ManifestUnreadable, MediaUnavailable, Problem, RecordingRefused
from pipeline.manifest.jsonl import read_jsonl
from pipeline.manifest.lines import Lines
from pipeline.manifest.row import RejectedRow, Row, UncheckedRow
from pipeline.manifest.table import read_table

Form = Literal["jsonl", "csv"]
_FORM_BY_ENDING: dict[str, Form] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv"}
_STANDARD_INPUT = Path("-")


def read_manifest(
    path: Path | IO[bytes], *, form: Form | None = None, check_media: Callable[[str], None] | None = None
) -> Iterator[Row | RejectedRow]:
    """Yield every row of a manifest, in its order.

    Each Row has passed `check_call` and `check_media`. A row whose media cannot be reached at the moment is
    not rejected for that: whoever brings the recording in looks again.

    Args:
        path: The manifest, or `-` for standard input, or a stream of bytes, which is left open.
        form: JSON lines or CSV. By default from the ending of the path, otherwise from the first character.
        check_media: Raises RecordingRefused for media that cannot be sent, MediaUnavailable when it cannot
            tell now.

    Raises:
        ManifestUnreadable: At the call: the manifest is missing, is no file, has no rows, or its header
            cannot be used. While iterating: the file could not be read to its end.
    """
    if path == _STANDARD_INPUT and form is None:
        raise ManifestUnreadable("The form of standard input must be given: csv or jsonl.")
    rows = _rows(path, form, check_media)
    # The first row is read here, so that what is wrong with the whole is raised here.
    first = next(rows, None)
    if first is None:
        raise ManifestUnreadable(f"{_name(path)} has no rows.")
    return _resumed(first, rows)


def _resumed(first: Row | RejectedRow, others: Iterator[Row | RejectedRow]) -> Iterator[Row | RejectedRow]:
    yield first
    yield from others


def _rows(
    path: Path | IO[bytes], form: Form | None, check_media: Callable[[str], None] | None
) -> Iterator[Row | RejectedRow]:
    name = _name(path)
    with _opened(path) as stream:
        lines = Lines(stream, name)
        form = form or (_FORM_BY_ENDING.get(path.suffix.lower()) if isinstance(path, Path) else None)
        form = _form_of_first_line(lines, name, form)
        for row in read_table(lines, name) if form == "csv" else read_jsonl(lines):
            yield _checked(row, check_media) if isinstance(row, UncheckedRow) else row


def _checked(row: UncheckedRow, check_media: Callable[[str], None] | None) -> Row | RejectedRow:
    try:
        check_call(row.call, has_media=row.media is not None)
        if row.media is not None and check_media is not None:
            check_media(row.media)
    except CallInvalid as refused:
        return row.rejected(refused.code, refused.problems)
    except RecordingRefused as refused:
        return row.rejected(refused.code, (Problem("media", str(refused)),))
    except MediaUnavailable:
        pass
    return Row(row.line, row.call, row.media)


def _opened(path: Path | IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    if not isinstance(path, Path):
        return nullcontext(path)
    if path == _STANDARD_INPUT:
        return nullcontext(sys.stdin.buffer)
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise ManifestUnreadable(
            f"There is no manifest {path} (the current folder is {Path.cwd()})."
        ) from error
    except IsADirectoryError as error:
        raise ManifestUnreadable(f"{path} is a folder; name the manifest in it.") from error
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        reason = error.strerror if isinstance(error, OSError) else error
        raise ManifestUnreadable(f"{path} cannot be read: {reason}.") from error


def _name(path: Path | IO[bytes]) -> str:
    if path == _STANDARD_INPUT:
        return "Standard input"
    return str(path if isinstance(path, Path) else getattr(path, "name", "The manifest"))


def _form_of_first_line(lines: Lines, name: str, form: Form | None) -> Form:
    """Look at the first line that is not blank, give it back, and return the manifest's form.

    Raises:
        ManifestUnreadable: There is no such line, or the file is clearly of another form.
    """
    line = next((line for line in lines if not line.blank), None)
    if line is None:
        raise ManifestUnreadable(f"{name} has no rows.")
    lines.give_back([line])
    start = line.content.strip()
    if line.content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ManifestUnreadable(f"{name} is UTF-16; save it as UTF-8.")
    form = form or ("jsonl" if start.startswith((b"{", b"[")) else "csv")
    if form == "jsonl" and (start == b"{" or start.startswith(b"[")):
        raise ManifestUnreadable(f"{name} must hold one object on each line (`jq -c` writes them so).")
    return form
