"""The columns of an export: how the text of one is read from a row, and which names there are.

Invariants: what is read is the cell's text as it stands there, leading zeros and plus signs with it. White
space around it does not count, nor do the two wrappings that keep a spreadsheet from changing a cell:
`="0049"` and an apostrophe before one of = + - @. A word that the map counts as empty is empty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice
from typing import Any

from pipeline.call import WrittenNumber, encode_call, nearest_field

Read = Callable[[Any], str]
"""Gives the text of a column in a row, empty where there is none."""

MOST_COLUMNS_SHOWN = 60
_DEEPEST = 8
_MOST_ITEMS = 10
_APOSTROPHE_BEFORE = ("'=", "'+", "'-", "'@")


class ExportColumns:
    """The columns that an export has.

    Attributes:
        names: Their names, in their order.
        export: What the export is called in a sentence.
    """

    def __init__(
        self, names: Sequence[str], export: str, *, nested: bool = False, are_all: bool = True
    ) -> None:
        self.names = tuple(names)
        self.export = export
        self._nested = nested
        self._are_all = are_all
        self._times = Counter(self.names)

    def problem(self, name: str) -> str | None:
        """Return why a column cannot be read, if so: it is not there, or there are two of that name."""
        if not self._times[name]:
            if not self._are_all:
                return None
            nearest = nearest_field(name, self.names)
            return f"there is no column {name!r}" + (f"; is {nearest!r} meant?" if nearest else "")
        if self._times[name] > 1:
            return f"the column {name!r} stands there {self._times[name]} times; give each a name of its own"
        return None

    def read(self, name: str, empty_words: Collection[str] = ()) -> Read:
        """Return what reads a column that has no problem."""
        read = _member(name) if self._nested else _cell(self.names.index(name))
        if not empty_words:
            return read
        words = frozenset(map(str.casefold, empty_words))

        def read_unless_empty(record: Any) -> str:
            text = read(record)
            return "" if text.casefold() in words else text

        return read_unless_empty

    def listed(self) -> str:
        """Return the names as a sentence's end, the first of them where there are many."""
        shown = ", ".join(map(repr, islice(self.names, MOST_COLUMNS_SHOWN)))
        more = len(self.names) - MOST_COLUMNS_SHOWN
        return f"{shown} and {more} more" if more > 0 else shown


def unwrapped(text: str) -> str:
    """Return a cell's text without what keeps a spreadsheet from changing it."""
    if text.startswith('="') and text.endswith('"') and len(text) > 2:
        return text[2:-1].strip()
    return text[1:] if text.startswith(_APOSTROPHE_BEFORE) else text


def _cell(position: int) -> Read:
    def read(cells: Sequence[str]) -> str:
        text = cells[position].strip()
        return unwrapped(text) if text and text[0] in "='" else text

    return read


def _member(path: str) -> Read:
    """Return what reads a member of a JSON object by its path, `from.phoneNumber`."""
    parts = path.split(".")

    def read(record: dict[str, Any]) -> str:
        if path in record:
            return _text(record[path])
        node: Any = record
        for part in parts:
            if isinstance(node, dict):
                node = node.get(part)
            elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
                node = node[int(part)]
            else:
                return ""
        return _text(node)

    return read


def _text(value: object) -> str:
    """Return a JSON value as the cell of a table would have it; a group as JSON."""
    if isinstance(value, str):
        text = value.strip()
        return unwrapped(text) if text and text[0] in "='" else text
    if value is None:
        return ""
    if isinstance(value, WrittenNumber):
        return value.text
    if isinstance(value, dict | list):
        return encode_call({"": value})[len('{"":') : -1]
    return str(value).lower() if isinstance(value, bool) else str(value)


def paths_of(record: dict[str, Any]) -> list[str]:
    """Return the paths of the members of a JSON object, groups among them; of a long list its first items."""
    found: list[str] = []
    _collect(record, "", found, _DEEPEST)
    return found


def _collect(node: object, path: str, found: list[str], deepest: int) -> None:
    members: Iterable[tuple[object, object]] = ()
    if isinstance(node, dict):
        members = node.items()
    elif isinstance(node, list):
        members = enumerate(node[:_MOST_ITEMS])
    for name, below in members:
        place = f"{path}.{name}" if path else str(name)
        found.append(place)
        if deepest:
            _collect(below, place, found, deepest - 1)
