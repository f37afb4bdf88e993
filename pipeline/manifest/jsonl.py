"""Manifests of JSON lines: one recording a line, `{"call": {…}, "media": "…"}`, or what a map makes of it.

Invariant: a line is read or rejected on its own; no line changes how another is read. The first lines of an
export are looked at twice: its columns are those that occur in them.
Whether the call is one that the API would take is left to `reader`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pipeline.call import decode_call, nearest_field
from pipeline.errors import CallInvalid, Problem
from pipeline.manifest.lines import Line, Lines, problem_of_bytes, without_line_end
from pipeline.manifest.mapping import ColumnMap
from pipeline.manifest.mapping.columns import paths_of
from pipeline.manifest.row import RejectedRow, UncheckedRow, malformed

_KEYS = ("call", "media")
_SAMPLE_LINES = 1000
_SAMPLE_BYTES = 4 << 20
_NO_PATH = re.compile("[\0\ud800-\udfff]")


def read_jsonl(lines: Iterable[Line]) -> Iterator[UncheckedRow | RejectedRow]:
    """Yield every line that is not blank, read or rejected."""
    for line in lines:
        if not line.blank:
            yield _read_line(line)


def _read_line(line: Line) -> UncheckedRow | RejectedRow:
    original = without_line_end(line.content)
    members = _decoded(line, original)
    if isinstance(members, RejectedRow):
        return members
    row = UncheckedRow(line.number, members.get("call"), members.get("media"), original)
    problems = tuple(_problems(members))
    return row.rejected("row_malformed", problems) if problems else row


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
    for line in first:
        members = _decoded(line, line.content)
        if isinstance(members, dict):
            names |= dict.fromkeys(paths_of(members))
    names |= dict.fromkeys(column_map.columns)
    mapped = column_map.bind(list(names), f"the first {len(first)} rows of {name}", nested=True)
    for line in lines:
        if line.blank:
            continue
        original = without_line_end(line.content)
        members = _decoded(line, original)
        row = members if isinstance(members, RejectedRow) else mapped.row(line.number, members, original)
        if row:
            yield row


def _first(lines: Lines) -> Iterator[Line]:
    size_bytes = 0
    for line in islice(lines, _SAMPLE_LINES):
        size_bytes += len(line.content)
        yield line
        if size_bytes > _SAMPLE_BYTES:
            return


def _problems(members: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with a row's own members; the call's fields are not looked at."""
    if "call" not in members and "clientUniqueId" in members:
        yield Problem("call", 'is missing: put the fields of the call within it, {"call": {…}, "media": "…"}')
        return
    for key in members:
        if key not in _KEYS:
            nearest = nearest_field(key, _KEYS)
            hint = f"; is {nearest!r} meant?" if nearest else ""
            known = " and ".join(map(repr, _KEYS))
            name = key if key.isprintable() else ascii(key)
            yield Problem(name, f"is not known here: a row has the fields {known}{hint}")
    if "call" not in members:
        yield Problem("call", "is missing")
    elif not isinstance(members["call"], dict):
        yield Problem("call", "must be an object with the fields of the call")
    if "media" in members:
        yield from _problems_of_media(members["media"])


def _problems_of_media(media: object) -> Iterator[Problem]:
    if not isinstance(media, str) or not media.strip():
        yield Problem("media", "must be a path; leave it out where the call has a downloadMediaUrl")
    elif _NO_PATH.search(media):
        yield Problem("media", "has a character that no path can have: NUL, or half of a surrogate pair")
