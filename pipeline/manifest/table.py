"""Manifests of comma-separated values (RFC 4180): a header of dotted columns, then one recording a row.

Invariants: a row ends where its quotation marks say, but never beyond MAX_ROW_BYTES. A quotation mark that is
broken or never closed costs the line where its row begins and no other: the lines that it would have
swallowed are read again, as rows of their own.
What the columns mean is left to `columns`; whether the call is one that the API would take, to `reader`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from pipeline.call import check_call
from pipeline.errors import CallInvalid, ManifestUnreadable, Problem
from pipeline.manifest.columns import Columns
from pipeline.manifest.lines import MAX_LINE_BYTES, Line, Lines, problem_of_bytes, without_line_end
from pipeline.manifest.row import MAX_ROW_BYTES, RejectedRow, UncheckedRow, malformed

_BROKEN = (
    "is not valid CSV: a cell with a comma, a quotation mark or a line break stands between quotation marks, "
    "and a quotation mark within it is doubled"
)

# The parser's own limit of a cell (128 KiB) holds for the whole process and is below that of a row.
csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW_BYTES))


@dataclass(frozen=True, slots=True)
class _Record:
    """The lines and cells of one row, or the problem that left it without cells."""

    lines: list[Line]
    cells: list[str]
    problem: str | None

    @property
    def original(self) -> bytes:
        """The row's bytes without its last line end."""
        return without_line_end(b"".join(line.content for line in self.lines))

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


def read_table(lines: Lines, name: str) -> Iterator[UncheckedRow | RejectedRow]:
    """Yield every row below the header, read or rejected; rows with no filled cell are skipped.

    Raises:
        ManifestUnreadable: The header cannot be used, so that every row would fail.
    """
    records = _records(lines)
    header = next(records)
    place = f"{name}, line {header.lines[0].number}"
    if header.problem:
        raise ManifestUnreadable(f"{place}: the header {header.problem}.")
    columns = Columns.of_header(header.cells, place)
    for record in records:
        if record.problem:
            yield record.rejected(record.problem)
        elif any(_is_row(line, columns) for line in record.lines[1:-1]):
            yield _first_line(record.lines, lines).rejected("has a quotation mark that is not closed")
        elif any(map(str.strip, record.cells)):
            yield _read_row(record, columns)


def _read_row(record: _Record, columns: Columns) -> UncheckedRow | RejectedRow:
    cells = record.cells
    if len(cells) != columns.width:
        return record.rejected(f"has {len(cells)} cells, the header has {columns.width}")
    return UncheckedRow(
        line=record.lines[0].number,
        call=columns.call(cells),
        media=columns.media(cells),
        original=record.original,
        name_in_manifest=partial(columns.name_of, cells),
    )


def _is_row(line: Line, columns: Columns) -> bool:
    """Tell whether a line in the middle of a row is a row of its own, with a call that can be made.

    The row around it is whole as far as its quotation marks say, yet one of them was never closed, and
    another at the end of a later cell took its place. Without this, rows would vanish in the text of another.
    """
    try:
        cells = next(csv.reader([line.content.decode("utf-8", "replace")], strict=True))
        if len(cells) == columns.width:
            check_call(columns.call(cells))
            return True
    except (csv.Error, CallInvalid):
        pass
    return False


def _records(lines: Lines) -> Iterator[_Record]:
    """Yield the file's rows one by one, the header among them, blank lines left out."""
    feed = _Feed(lines)
    parser = csv.reader(feed, strict=True)
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
                record = _Record(feed.taken, cells, None)
                yield replace(record, problem=problem_of_bytes(record.original))


def _first_line(taken: list[Line], lines: Lines, problem: str | None = None) -> _Record:
    """Give back all lines of a row but its first, and return that one as a row of its own."""
    lines.give_back(taken[1:])
    return _Record(taken[:1], [], problem)
