"""Rows that were rejected before: recognized by what stands in front of them, which is then taken off.

Invariants: a row is known by the line that stands in front of it, even where the row itself cannot be read.
Where none stands there, or what cannot be one, it is a new row with the line that it has here.

A spreadsheet may have saved the file meanwhile, with another separator and quotation marks of its own. The
header tells the separator; cells that were added at the end of other rows, because one has too many, are
nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.call import decode_call, encode_call
from pipeline.errors import CallInvalid
from pipeline.manifest.row import RejectedRow, UncheckedRow

if TYPE_CHECKING:
    from pipeline.manifest.table import RowReader

LINE, REASON = "rejected_line", "rejected_reason"
COLUMNS = 2
"""How many columns stand before those of the manifest: these."""
MEMBER = "rejected"
"""The member of a JSON object that says the same."""

_HEADER = re.compile(rf'\s*"?{LINE}"?([!#-/:-@\[-`{{-~\t])"?{REASON}"?(?=\1|\s*$)'.encode())
_MEMBERS = frozenset({"line", "reason", "row"})
_FRONT = re.compile(rf'\s*\{{\s*"{MEMBER}"\s*:\s*')
_LINE = re.compile("[1-9][0-9]{0,14}")
_DECODER = json.JSONDecoder()


def separator_of_rejected(first_line: bytes) -> str | None:
    """Return the separator of a table of rejected rows, by its first line; None if it is none."""
    found = _HEADER.match(first_line)
    return found[1].decode() if found else None


class ColumnsBefore:
    """The columns of a table of rejected rows: two, and then those of the manifest.

    Args:
        columns: Those of the manifest.
        separator: What stands between cells.
    """

    def __init__(self, columns: RowReader, separator: str) -> None:
        self.width = columns.width + COLUMNS
        self._columns = columns
        self._separator = separator

    def row(self, line: int, cells: Sequence[str], original: bytes) -> UncheckedRow | None:
        """Return a row as what it was before."""
        row = self._columns.row(line, cells[COLUMNS:], taken_off(original, self._separator)[1])
        before = _line_of(cells[0])
        return row if row is None or before is None else replace(row, line=before, line_here=line)

    def is_call(self, cells: Sequence[str]) -> bool:
        """Tell whether a row makes a call that the API would take."""
        return self._columns.is_call(cells[COLUMNS:])


def names_before(header: Sequence[str]) -> list[str]:
    """Return the names of the manifest's columns, by the header of a table of rejected rows."""
    names = list(header[COLUMNS:])
    while names and not names[-1].strip():
        del names[-1]
    return names


def of_malformed(row: RejectedRow, separator: str) -> RejectedRow:
    """Return a row of a table, which could not be read, as what it was before."""
    before, original = taken_off(row.original, separator)
    row = replace(row, raw=original.decode("utf-8", "surrogateescape"))
    return row if before is None else replace(row, line=before, line_here=row.line)


def taken_off(original: bytes, separator: str) -> tuple[int | None, bytes]:
    """Return the line that stands before a row of a table, and the row's own bytes."""
    other = b"[^%b\r\n" % re.escape(separator.encode())
    cell = rb'"(?:[^"]|"")*+"|%b"]%b]*+|' % (other, other)
    found = re.match(rb"(%b)%b(?:%b)(?:%b|\s*$)" % (cell, _b(separator), cell, _b(separator)), original)
    if not found:
        return None, original
    return _line_of(found[1].decode("utf-8", "replace").strip('"')), original[found.end() :]


def _b(separator: str) -> bytes:
    return re.escape(separator.encode())


def without_member(content: bytes) -> tuple[int | None, bytes]:
    """Return the line that a line of JSON names as its own, and its object as it was when it was rejected."""
    if b'"rejected"' not in content:
        return None, content
    text = content.decode("utf-8", "surrogateescape")
    found = _FRONT.match(text)
    told, rest = _in_front(text, found.end()) if found else _anywhere(content)
    if not _is_ours(told):
        return None, content
    if rest == "{}" and isinstance(told.get("row"), str):
        rest = told["row"].replace("\n", " ")
    line = told["line"]
    is_line = isinstance(line, int) and not isinstance(line, bool) and line > 0
    return line if is_line else None, rest.encode("utf-8", "surrogateescape")


def _in_front(text: str, start: int) -> tuple[Any, str]:
    """Read the member at the beginning of an object, whatever the rest of it is."""
    try:
        told, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, text
    rest = text[end:].lstrip()
    if rest.startswith(","):
        return told, "{" + rest[1:].lstrip()
    return (told, "{}") if rest.rstrip() == "}" else (None, text)


def _anywhere(content: bytes) -> tuple[Any, str]:
    """Read the member wherever another program has put it."""
    try:
        members = decode_call(content)
        return members.pop(MEMBER, None), encode_call(members)
    except CallInvalid:
        return None, ""


def _is_ours(told: object) -> bool:
    return isinstance(told, dict) and "line" in told and told.keys() <= _MEMBERS


def _line_of(cell: str) -> int | None:
    found = _LINE.fullmatch(cell.strip())
    return int(found[0]) if found else None
