"""Manifests of JSON lines: one recording a line, `{"call": {…}, "media": "…"}`, or what a map makes of it.

Invariant: a line is read or rejected on its own; no line changes how another is read. The first lines of an
export are looked at twice: its columns are those that occur in them.
Whether the call is one that the API would take is left to `reader`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from pipeline.call import decode_call
from pipeline.errors import CallInvalid, Problem
from pipeline.manifest.lines import Line, Lines, problem_of_bytes, without_line_end
from pipeline.manifest.mapping import ColumnMap
from pipeline.manifest.mapping.columns import paths_of
from pipeline.manifest.rejected.before import without_member
from pipeline.manifest.row import ROW_MALFORMED, RejectedRow, UncheckedRow, malformed
from pipeline.recording import problems_of_members

_SAMPLE_LINES = 1000
_SAMPLE_BYTES = 4 << 20


def read_jsonl(lines: Iterable[Line]) -> Iterator[UncheckedRow | RejectedRow]:
    """Yield every line that is not blank, read or rejected."""
    for line in lines:
        if not line.blank:
            yield _read_line(line)


def _read_line(line: Line) -> UncheckedRow | RejectedRow:
    before, original = without_member(without_line_end(line.content))
    members = _decoded(line, original)
    if isinstance(members, RejectedRow):
        return _known_by(before, members)
    # Text of UTF-8 without NUL has half a surrogate pair, or NUL, in no other way.
    sendable = b"\\u" not in original
    row = UncheckedRow(line.number, members.get("call"), members.get("media"), original, sendable=sendable)
    problems = tuple(problems_of_members(members))
    return _known_by(before, row.rejected(ROW_MALFORMED, problems) if problems else row)


def _known_by(before: int | None, row: UncheckedRow | RejectedRow) -> UncheckedRow | RejectedRow:
    """Return a row as known by the line that it had when it was rejected, if it was."""
    return row if before is None else replace(row, line=before, line_here=row.line)


def _decoded(line: Line, original: bytes) -> dict[str, Any] | RejectedRow:
    """Return the line's object, or the row that it is rejected as."""
    if line.too_long:
        return malformed(line.number, original, Problem("", "the row is longer than 1 MiB"))
    if problem := problem_of_bytes(original):
        return malformed(line.number, original, Problem("", f"the row {problem}"))
    try:
        return decode_call(original)
    except CallInvalid as refused:
        # The decoder counts lines within the row, which has one; the manifest's own number stands beside it.
        problems = (
            Problem(each.field, each.message.replace(" at line 1, column ", " at column "))
            for each in refused.problems
        )
        return malformed(line.number, original, *problems)


def read_export(lines: Lines, name: str, column_map: ColumnMap) -> Iterator[UncheckedRow | RejectedRow]:
    """Yield every line of an export, mapped or rejected; those that the map leaves out are skipped.

    Raises:
        ManifestUnreadable: The map cannot be used with the columns that occur in the first lines.
    """
    first = list(_first(lines))
    lines.give_back(first)
    names: dict[str, None] = {}
    was_rejected = False
    for line in first:
        before, original = without_member(without_line_end(line.content))
        was_rejected |= before is not None
        members = _decoded(line, original)
        if isinstance(members, dict):
            names |= dict.fromkeys(paths_of(members))
    names |= dict.fromkeys(column_map.columns)
    place = f"the first {len(first)} rows of {name}"
    # The rows that were rejected before may be the very ones that lack a column.
    mapped = column_map.bind(list(names), place, nested=True, are_all=not was_rejected)
    for line in lines:
        if line.blank:
            continue
        before, original = without_member(without_line_end(line.content))
        members = _decoded(line, original)
        row = members if isinstance(members, RejectedRow) else mapped.row(line.number, members, original)
        if row:
            yield _known_by(before, row)


def is_replay(line: Line) -> bool:
    """Tell whether a line is a row that was rejected before, and says so."""
    return without_member(line.content)[1] is not line.content


def _first(lines: Lines) -> Iterator[Line]:
    size_bytes = 0
    for line in islice(lines, _SAMPLE_LINES):
        size_bytes += len(line.content)
        yield line
        if size_bytes > _SAMPLE_BYTES:
            return
