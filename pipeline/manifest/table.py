"""Manifests of separated values (RFC 4180): a header, then one recording a row.

Invariants: a row ends where its quotation marks say, but never beyond MAX_ROW_BYTES. A quotation mark that is
broken or never closed costs the line where its row begins and no other: the lines that it would have
swallowed are read again, as rows of their own.
What the columns mean is left to `columns` and to a map; whether the call is one that the API would take, to
`reader`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from pipeline.errors import ManifestUnreadable, Problem
from pipeline.manifest.lines import MAX_LINE_BYTES, Line, Lines, problem_of_bytes, without_line_end
from pipeline.manifest.rejected.before import (
    COLUMNS,
    ColumnsBefore,
    names_before,
    of_malformed,
    separator_of_rejected,
    taken_off,
)
from pipeline.manifest.row import MAX_ROW_BYTES, RejectedRow, UncheckedRow, malformed

_SEPARATORS = {"tab": "\t", "\\t": "\t"}
# A visible character of ASCII that is no letter, digit or quotation mark; or a tab.
_SEPARATOR = re.compile(r"[!#-/:-@\[-`{-~\t ]")
_SEPARATOR_LINE = re.compile(rb'"?sep=([!#-/:-@\[-`{-~\t])"?\s*', re.IGNORECASE)
_BROKEN = (
    "is not valid CSV: a cell with a separator, a quotation mark or a line break stands between quotation "
    "marks, and a quotation mark within it is doubled"
)

# The parser's own limit of a cell (128 KiB) holds for the whole process and is below that of a row.
csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW_BYTES))


@dataclass(frozen=True, slots=True)
class _Record:
    """The lines and cells of one row, or the problem that left it without cells.

    Attributes:
        original: The row's bytes without its last line end.
    """

    lines: list[Line]
    original: bytes
    cells: list[str]
    problem: str | None

    def rejected(self, problem: str) -> RejectedRow:
        """Return the row as one that could not be read."""
        return malformed(self.lines[0].number, self.original, Problem("", f"the row {problem}"))


class _RowTooLong(Exception):
    """The row goes on beyond MAX_ROW_BYTES."""


class _Feed(Iterator[str]):
    """Hands lines to the parser and remembers those of the row in hand."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.taken: list[Line] = []
        self._size_bytes = 0

    def start_row(self) -> None:
        self.taken = []
        self._size_bytes = 0

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        self._size_bytes += len(line.content)
        if line.too_long or self._size_bytes > MAX_LINE_BYTES:
            raise _RowTooLong
        return line.content.decode("utf-8", "surrogateescape")


class RowReader(Protocol):
    """What the columns of a table mean."""

    width: int

    def row(self, line: int, cells: Sequence[str], original: bytes, /) -> UncheckedRow | None:
        """Return a row of as many cells as there are columns; None where it is to be left out."""

    def is_call(self, cells: Sequence[str], /) -> bool:
        """Tell whether such a row makes a call."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a table is written down.

    Attributes:
        delimiter: What stands between cells.
        skip_lines: Lines above the header that are none of the table, blank ones among them.
        columns: The columns' names where the table has no header.
        is_replay: Whether its rows were rejected before, and say so in front of their own cells.
    """

    delimiter: str = ","
    skip_lines: int = 0
    columns: tuple[str, ...] = ()
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose header was read.

    Attributes:
        header: The header's own bytes; empty where it has none.
        rows: Every row below it, read or rejected; those with no filled cell are skipped.
    """

    header: bytes
    rows: Iterator[UncheckedRow | RejectedRow]


def separator_of(text: str) -> str:
    """Return the character that a person has named as what stands between cells: itself, or `tab`.

    Raises:
        ValueError: It cannot stand there.
    """
    character = _SEPARATORS.get(text, text)
    if not _SEPARATOR.fullmatch(character):
        raise ValueError(f"{text!r} cannot stand between cells; write one character such as ; or |, or tab")
    return character


def read_table(
    lines: Lines, name: str, reader_of: Callable[[Sequence[str], str], RowReader], shape: Shape
) -> Table:
    """Read the header of a table, and give its rows.

    Args:
        lines: The manifest's.
        name: What it is called in a sentence.
        reader_of: Gives what the columns mean, by the cells of the header and by its place.
        shape: How the table is written down, as `prepared` gives it.

    Raises:
        ManifestUnreadable: The header cannot be used, so that every row would fail.
    """
    records = _records(lines, shape.delimiter)
    if shape.columns:
        return Table(b"", _rows(lines, records, reader_of(shape.columns, name), shape))
    header = _header(records, name)
    place = f"{name}, line {header.lines[0].number}"
    if header.problem:
        raise ManifestUnreadable(f"{place}: the header {header.problem}.")
    if not shape.is_replay:
        return Table(header.original, _rows(lines, records, reader_of(header.cells, place), shape))
    columns = ColumnsBefore(reader_of(names_before(header.cells), place), shape.delimiter)
    rows = _rows(lines, records, columns, shape)
    return Table(
        taken_off(header.original, shape.delimiter)[1],
        (of_malformed(row, shape.delimiter) if isinstance(row, RejectedRow) else row for row in rows),
    )


def prepared(lines: Lines, shape: Shape) -> Shape:
    """Skip what stands above the header, and see what the table says of itself.

    A line `sep=;`, which spreadsheets write, names the delimiter; so does the header of rejected rows, which
    has nothing else above it, and names the columns.
    """
    if separator := _separator_of_replay(lines):
        return Shape(separator, is_replay=True)
    # Blank lines may have been passed over already; those to skip are counted from the top of the file.
    if first := next((line for line in lines if line.number > shape.skip_lines), None):
        if named := _SEPARATOR_LINE.fullmatch(first.content):
            return replace(shape, delimiter=named[1].decode())
        lines.give_back([first])
    return shape


def _separator_of_replay(lines: Lines) -> str | None:
    """Return the separator of a table of rejected rows, at whose header the lines then are; else None."""
    first = list(islice(lines, 1))
    if first and _SEPARATOR_LINE.fullmatch(first[0].content):
        first += islice(lines, 1)
    separator = separator_of_rejected(first[-1].content) if first else None
    lines.give_back(first[-1:] if separator else first)
    return separator


def _header(records: Iterator[_Record], name: str) -> _Record:
    header = next(records, None)
    if header is None:
        raise ManifestUnreadable(f"{name} has no rows.")
    return header


def _rows(
    lines: Lines, records: Iterator[_Record], columns: RowReader, shape: Shape
) -> Iterator[UncheckedRow | RejectedRow]:
    for record in records:
        if record.problem:
            yield record.rejected(record.problem)
        elif len(record.lines) > 2 and _holds_row(record, columns, shape.delimiter):
            yield _first_line(record.lines, lines).rejected("has a quotation mark that is not closed")
        elif any(map(str.strip, record.cells)) and (row := _read_row(record, columns, shape)):
            yield row


def _read_row(record: _Record, columns: RowReader, shape: Shape) -> UncheckedRow | RejectedRow | None:
    cells = record.cells
    while shape.is_replay and len(cells) > columns.width and not cells[-1].strip():
        del cells[-1]
    if len(cells) != columns.width:
        before = COLUMNS if shape.is_replay else 0
        return record.rejected(f"has {len(cells) - before} cells, the header has {columns.width - before}")
    return columns.row(record.lines[0].number, cells, record.original)


def _holds_row(record: _Record, columns: RowReader, delimiter: str) -> bool:
    return any(_is_row(line, columns, delimiter) for line in record.lines[1:-1])


def _is_row(line: Line, columns: RowReader, delimiter: str) -> bool:
    """Tell whether a line in the middle of a row is a row of its own, with a call that can be made.

    The row around it is whole as far as its quotation marks say, yet one of them was never closed, and
    another at the end of a later cell took its place. Without this, rows would vanish in the text of another.
    """
    text = line.content.decode("utf-8", "replace")
    try:
        cells = next(csv.reader([text], strict=True, delimiter=delimiter))
    except csv.Error:
        return False
    return len(cells) == columns.width and columns.is_call(cells)


def _records(lines: Lines, delimiter: str) -> Iterator[_Record]:
    """Yield the file's rows one by one, the header among them, blank lines left out."""
    feed = _Feed(lines)
    parser = csv.reader(feed, strict=True, delimiter=delimiter)
    while True:
        feed.start_row()
        try:
            cells = next(parser)
        except StopIteration:
            return
        except _RowTooLong:
            yield _first_line(
                feed.taken, lines, "is longer than 1 MiB, or a quotation mark in it is not closed"
            )
        except csv.Error:
            record = _first_line(feed.taken, lines, _BROKEN)
            yield replace(record, problem=problem_of_bytes(record.original) or _BROKEN)
        else:
            if cells:
                original = _original(feed.taken)
                yield _Record(feed.taken, original, cells, problem_of_bytes(original))


def _first_line(taken: list[Line], lines: Lines, problem: str | None = None) -> _Record:
    """Give back all lines of a row but its first, and return that one as a row of its own."""
    lines.give_back(taken[1:])
    return _Record(taken[:1], _original(taken[:1]), [], problem)


def _original(lines: Sequence[Line]) -> bytes:
    return without_line_end(b"".join(line.content for line in lines))
