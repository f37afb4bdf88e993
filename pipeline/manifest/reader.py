"""Reads a manifest: tells its form, hands its rows out, and checks every one.

Invariants: memory does not grow with the number of rows; what makes the manifest as a whole unreadable is
raised before the first row is handed out; a row that cannot be brought in stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO, Literal

from pipeline.call import check_call
from pipeline.errors import CallInvalid, ManifestUnreadable, MediaUnavailable, Problem, RecordingRefused
from pipeline.manifest.columns import Columns
from pipeline.manifest.jsonl import is_replay, read_export, read_jsonl
from pipeline.manifest.lines import Line, Lines
from pipeline.manifest.mapping import ColumnMap
from pipeline.manifest.opening import COMPRESSED_ENDINGS, STANDARD_INPUT, Readable, name_of, opened
from pipeline.manifest.row import RejectedRow, Row, UncheckedRow
from pipeline.manifest.table import RowReader, Shape, prepared, read_table

Form = Literal["jsonl", "csv"]
_FORM_BY_ENDING: dict[str, Form] = {
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
    **dict.fromkeys((".csv", ".tsv"), "csv"),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a manifest is to be read, as far as its own bytes do not say it.

    Attributes:
        form: JSON lines or CSV. By default what the map says, then the path's ending, then the first
            character.
        encoding: That of a manifest without a byte order mark. By default the map's, then UTF-8.
        delimiter: What stands between the cells of a table. By default the map's, then a tab for `.tsv`, then
            a comma.
        column_map: Makes calls of the rows of somebody else's export; None: they are calls already.
        content: Where its bytes lie, if not at its path: those of a pipe may be kept, to be read twice.
    """

    form: Form | None = None
    encoding: str | None = None
    delimiter: str | None = None
    column_map: ColumnMap | None = None
    content: Path | None = None


_AS_IT_IS = Reading()
CheckMedia = Callable[[str], None]
IsRight = Callable[[int], bool]
"""Tells of a row, by its first line, whether it was checked before and is right."""


@dataclass(slots=True)
class Manifest(Iterator[Row | RejectedRow]):
    """A manifest that is open: its rows, checked, in their order.

    Attributes:
        path: Where it lies, or standard input, or a stream.
        table: How it is written down; None: it is JSON lines.
        header: The bytes of its header; empty where it has none.
        is_replay: Whether its rows were rejected before, and say so.
        encoding: As which it was opened where it has no byte order mark; None for UTF-8.
    """

    path: Path | IO[bytes]
    table: Shape | None
    header: bytes
    is_replay: bool
    encoding: str | None
    _rows: Iterator[Row | RejectedRow]

    def __next__(self) -> Row | RejectedRow:
        return next(self._rows)


def read_manifest(
    path: Path | IO[bytes],
    *,
    form: Form | None = None,
    check_media: CheckMedia | None = None,
    reading: Reading = _AS_IT_IS,
    is_right: IsRight | None = None,
) -> Manifest:
    """Open a manifest, which yields every row in its order.

    Each Row has passed `check_call` and `check_media`, or is told to be right. A row whose media cannot be
    reached at the moment is not rejected for that: whoever brings the recording in looks again. A manifest
    compressed with gzip or Zstandard is read as if it were not.

    Args:
        path: The manifest, or `-` for standard input, or a stream of bytes, which is left open. It is read
            once, from its beginning to its end.
        form: Short for `reading.form`.
        check_media: Raises RecordingRefused for media that cannot be sent, MediaUnavailable when it cannot
            tell now.
        reading: How to read it.
        is_right: Which rows need no check any more.

    Raises:
        ManifestUnreadable: At the call: the manifest is missing, is no file, has no rows, its header or its
            map cannot be used. While iterating: the file could not be read to its end.
    """
    reading = replace(reading, form=form or reading.form)
    encoding = encoding_of(path, reading)
    with ExitStack() as stack:
        rows = rows_of(stack.enter_context(opened(reading.content or path, encoding)), path, reading)
        checked = _checked_rows(rows.unchecked, check_media, is_right, stack.pop_all())
        # The first row is read here, so that what is wrong with the whole is raised here.
        first = next(checked, None)
        if first is None:
            raise without_rows(path, reading)
    return Manifest(path, rows.shape, rows.header, rows.is_replay, encoding, chain([first], checked))


def _checked_rows(
    rows: Iterator[UncheckedRow | RejectedRow],
    check_media: CheckMedia | None,
    is_right: IsRight | None,
    stack: ExitStack,
) -> Iterator[Row | RejectedRow]:
    with stack:
        for row in rows:
            if isinstance(row, RejectedRow):
                yield row
            elif is_right and is_right(row.here) and not row.problems:
                yield row.accepted()
            else:
                yield check_row(row, check_media)


def encoding_of(path: Path | IO[bytes], reading: Reading) -> str | None:
    """Return the encoding with which a manifest is to be opened.

    Raises:
        ManifestUnreadable: It is standard input, and its form is not given.
    """
    column_map = reading.column_map
    if path == STANDARD_INPUT and not (reading.form or (column_map and column_map.form)):
        raise ManifestUnreadable("The form of standard input must be given: csv or jsonl.")
    return reading.encoding or (column_map.encoding if column_map else None)


def without_rows(path: Path | IO[bytes], reading: Reading) -> ManifestUnreadable:
    """Return the error of a manifest without a row."""
    left_out = reading.column_map.left_out if reading.column_map else 0
    hint = f" but {left_out} that [rows] of the map leaves out" if left_out else ""
    return ManifestUnreadable(f"{name_of(path)} has no rows{hint}.")


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a manifest whose form is told, none of them checked.

    Attributes:
        shape: How its table is written down; None: it is JSON lines, each of them a row.
        header: The bytes of the table's header; empty where it has none.
        is_replay: Whether its rows were rejected before, and say so.
        unchecked: Every row, read or rejected, as they are read.
    """

    shape: Shape | None
    header: bytes
    is_replay: bool
    unchecked: Iterator[UncheckedRow | RejectedRow]


def rows_of(stream: Readable, path: Path | IO[bytes], reading: Reading) -> Rows:
    """Begin to read a manifest that is open.

    Args:
        stream: Its text, in UTF-8.
        path: What it is called, and by its ending its form, where the reading does not give it.
        reading: How to read it.

    Raises:
        ManifestUnreadable: It has no row at all, or is clearly of another form, or its header cannot be used.
            While iterating: its map cannot be used, or it could not be read to its end.
    """
    name, ending, column_map = name_of(path), _ending(path), reading.column_map
    lines = Lines(stream, name)
    form = reading.form or (column_map.form if column_map else None) or _FORM_BY_ENDING.get(ending)
    form, first = _form_of_first_line(lines, name, form)
    if form == "jsonl":
        unchecked = read_export(lines, name, column_map) if column_map else read_jsonl(lines)
        return Rows(None, b"", is_replay(first), unchecked)
    shape = prepared(lines, _shape(reading, ending))

    def reader_of(names: Sequence[str], place: str) -> RowReader:
        return column_map.bind(names, name) if column_map else Columns.of_header(names, place)

    table = read_table(lines, name, reader_of, shape)
    return Rows(shape, table.header, shape.is_replay, table.rows)


def _shape(reading: Reading, ending: str) -> Shape:
    """Return how a table is written down, as far as it does not say so itself."""
    column_map = reading.column_map
    delimiter = reading.delimiter or (column_map.delimiter if column_map else None)
    return Shape(
        delimiter=delimiter or ("\t" if ending == ".tsv" else ","),
        skip_lines=column_map.skip_lines if column_map else 0,
        columns=column_map.columns if column_map else (),
    )


def _ending(path: Path | IO[bytes]) -> str:
    """Return the ending that tells the form: that before `.gz` or `.zst`."""
    if not isinstance(path, Path):
        return ""
    if path.suffix.lower() in COMPRESSED_ENDINGS:
        path = path.with_suffix("")
    return path.suffix.lower()


def problems_of_call(row: UncheckedRow) -> tuple[Problem, ...]:
    """Return everything that is wrong with a row's call, by the field of the call; nothing if it is right."""
    try:
        check_call(row.call, has_media=row.media is not None, sendable=row.sendable)
    except CallInvalid as refused:
        # What is known to be unfit stands in the call as it was, and is refused there once more.
        told = {problem.field for problem in row.problems}
        return row.problems + tuple(problem for problem in refused.problems if problem.field not in told)
    return row.problems


def check_row(row: UncheckedRow, check_media: CheckMedia | None) -> Row | RejectedRow:
    """Check a row's call and, where that can be done here, its media."""
    if problems := problems_of_call(row):
        return row.rejected("call_invalid", problems)
    try:
        if row.media is not None and check_media is not None:
            check_media(row.media)
    except RecordingRefused as refused:
        return row.rejected(refused.code, (Problem("media", str(refused)),))
    except MediaUnavailable:
        pass
    return row.accepted()


def _form_of_first_line(lines: Lines, name: str, form: Form | None) -> tuple[Form, Line]:
    """Look at the first line that is not blank, give it back, and return the manifest's form with it.

    Raises:
        ManifestUnreadable: There is no such line, or the file is clearly of another form.
    """
    line = next((line for line in lines if not line.blank), None)
    if line is None:
        raise ManifestUnreadable(f"{name} has no rows.")
    lines.give_back([line])
    start = line.content.strip()
    form = form or ("jsonl" if start.startswith((b"{", b"[")) else "csv")
    if form == "jsonl" and (start == b"{" or start.startswith(b"[")):
        raise ManifestUnreadable(f"{name} must hold one object on each line (`jq -c` writes them so).")
    return form, line
