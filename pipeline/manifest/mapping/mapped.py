"""A map bound to the columns of one export: from rows to calls and their media.

Invariants: a row gives the same call each time it is read. Its problems are told all at once, each with the
field and the columns behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from pipeline.call import check_call
from pipeline.errors import CallInvalid, Problem
from pipeline.manifest.mapping.filter import RowFilter
from pipeline.manifest.mapping.source import Source, Unfit
from pipeline.manifest.mapping.tree import Group, Trace
from pipeline.manifest.row import UncheckedRow


class MappedRows:
    """What makes calls of an export's rows.

    Attributes:
        width: The number of its columns.
        left_out: How many rows the map's `[rows]` has left out so far.
    """

    def __init__(self, width: int, call: Group, media: Source | None, wanted: RowFilter) -> None:
        self.width = width
        self.left_out = 0
        self._call = call
        self._media = media
        self._wanted = wanted

    def row(self, line: int, record: Any, original: bytes) -> UncheckedRow | None:
        """Return the row with its call, or None where the map leaves it out.

        Args:
            line: The row's first line.
            record: Its cells, or its JSON object.
            original: Its bytes.
        """
        if not self._wanted(record):
            self.left_out += 1
            return None
        try:
            call = self._call.build(record) or {}
            media = self._media.value(record) if self._media else None
        except Unfit:
            return self._unfit(line, record, original)
        return UncheckedRow(line, call, media, original, partial(self._named, record))

    def is_call(self, record: Any) -> bool:
        """Tell whether a row makes a call that the API would take."""
        try:
            check_call(self._call.build(record) or {})
        except (Unfit, CallInvalid):
            return False
        return True

    def _unfit(self, line: int, record: Any, original: bytes) -> UncheckedRow:
        trace = Trace()
        call = self._call.trace(record, "", trace) or {}
        media = None
        if self._media:
            try:
                media = self._media.value(record)
            except Unfit as unfit:
                trace.problems.append(Problem("media", str(unfit)))
                media = self._media.raw(record)
        named = partial(self._named, record)
        return UncheckedRow(line, call, media, original, named, tuple(_once(trace)))

    def _named(self, record: Any, place: str) -> str:
        """Return a field of a row's call with the columns behind it."""
        trace = Trace()
        if self._media:
            trace.columns["media"] = self._media.columns
        self._call.trace(record, "", trace)
        return f"{place}{_behind(trace.columns.get(place, ()))}"


def _once(trace: Trace) -> Iterator[Problem]:
    """Yield each problem once: the rep's userId and the primaryUser are the same source."""
    of_user = {each.message for each in trace.problems if each.field == "primaryUser"}
    for problem in trace.problems:
        if not (problem.field.endswith(".userId") and problem.message in of_user):
            yield problem


def _behind(columns: Sequence[str]) -> str:
    if not columns:
        return ""
    return f" (column{'s' if len(columns) > 1 else ''} {', '.join(map(repr, columns))})"
