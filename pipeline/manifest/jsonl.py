"""Manifests of JSON lines: one recording a line, `{"call": {…}, "media": "…"}`.

Invariant: a line is read or rejected on its own; no line changes how another is read.
Whether the call is one that the API would take is left to `reader`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.call import decode_call, nearest_field
from pipeline.errors import CallInvalid, Problem
from pipeline.manifest.lines import Line, problem_of_bytes, without_line_end
from pipeline.manifest.row import RejectedRow, UncheckedRow, malformed

_KEYS = ("call", "media")
_NO_PATH = re.compile("[\0\ud800-\udfff]")


def read_jsonl(lines: Iterable[Line]) -> Iterator[UncheckedRow | RejectedRow]:
    """Yield every line that is not blank, read or rejected."""
    for line in lines:
        if not line.blank:
            yield _read_line(line)


def _read_line(line: Line) -> UncheckedRow | RejectedRow:
    original = without_line_end(line.content)
    if line.too_long:
        return malformed(line.number, original, Problem("", "the row is longer than 1 MiB"))
    if problem := problem_of_bytes(original):
        return malformed(line.number, original, Problem("", f"the row {problem}"))
    try:
        members = decode_call(original)
    except CallInvalid as refused:
        return malformed(line.number, original, *refused.problems)
    row = UncheckedRow(line.number, members.get("call"), members.get("media"), original)
    problems = tuple(_problems(members))
    return row.rejected("row_malformed", problems) if problems else row


def _problems(members: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with a row's own members; the call's fields are not looked at."""
    if "call" not in members and "clientUniqueId" in members:
        yield Problem("call", 'is missing: put the fields of the call within it, {"call": {…}, "media": "…"}')
        return
    for key in members:
        if key not in _KEYS:
            nearest = nearest_field(key, _KEYS)
            hint = f"; is {nearest!r} meant?" if nearest else ""
            yield Problem(key if key.isprintable() else ascii(key), "is not known here" + hint)
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
