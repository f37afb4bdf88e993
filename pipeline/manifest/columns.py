"""The columns of a CSV manifest: from rows of cells to calls.

A column is named by its path in the call (`actualStart`, `parties.0.mediaChannelId`), or is `media`. The
first item of a list is 0. What a cell becomes:

- An empty cell, or one of white space alone, is absent.
- A cell of a number column becomes the JSON number that stands in it; of a boolean column, `true` or
  `false` in upper or lower case. Anything else there stays text, which the check of the call then refuses
  by name.
- Any other cell stays the text that it is, ids of many digits among them.

A list has no gaps: with the cells of `parties.0` empty and those of `parties.1` filled, the call has one
party. A table with columns for a rep and a customer has rows where one of them is not known, and nothing in
a call refers to a party by its place in the list. Problems name the column all the same, not the place in
the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from pipeline.call import check_call, kind_of, written_float, written_integer
from pipeline.errors import CallInvalid, ManifestUnreadable
from pipeline.manifest.header import MEDIA, path_of, problems_of_header
from pipeline.manifest.row import UncheckedRow

_MOST_PROBLEMS = 20
# RFC 8259, section 6.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")


class _Column(NamedTuple):
    """One field of the call: where in it, which cell, and what the cell's text becomes; None: itself."""

    path: tuple[str | int, ...]
    position: int
    typed: Callable[[str], Any] | None


class Columns:
    """The columns of one manifest, in the order of its header."""

    def __init__(self, names: Sequence[str]) -> None:
        self.width = len(names)
        self._media = names.index(MEDIA) if MEDIA in names else None
        self._fields = tuple(_column(at, name) for at, name in enumerate(names) if name != MEDIA)
        self._call = _object_of(self._fields)

    @classmethod
    def of_header(cls, cells: Sequence[str], place: str) -> Columns:
        """Read the columns from a header; white space around a name does not count.

        Raises:
            ManifestUnreadable: Names are unknown, doubled or missing; the first twenty problems are told.
        """
        names = [cell.strip() for cell in cells]
        problems = list(islice(problems_of_header(names), _MOST_PROBLEMS + 1))
        if len(problems) > _MOST_PROBLEMS:
            problems[_MOST_PROBLEMS:] = ["and there are more"]
        if problems:
            raise ManifestUnreadable(f"{place}: {'; '.join(problems)}.")
        return cls(names)

    def row(self, line: int, cells: Sequence[str], original: bytes) -> UncheckedRow:
        """Return a row of as many cells as there are columns; `line` is its first, `original` its bytes.

        The bytes are UTF-8 without NUL, as the table has seen to.
        """
        return UncheckedRow(
            line=line,
            call=self.call(cells),
            media=self.media(cells),
            original=original,
            name_in_manifest=partial(self.name_of, cells),
            sendable=True,
        )

    def is_call(self, cells: Sequence[str]) -> bool:
        """Tell whether a row makes a call that the API would take."""
        try:
            check_call(self.call(cells))
        except CallInvalid:
            return False
        return True

    def media(self, cells: Sequence[str]) -> str | None:
        """Return the media that a row names, if it names one."""
        cell = "" if self._media is None else cells[self._media]
        return cell if cell.strip() else None

    def call(self, cells: Sequence[str]) -> dict[str, Any]:
        """Return the call of a row, its lists without gaps."""
        return self._call(cells)

    def name_of(self, cells: Sequence[str], field: str) -> str:
        """Return the column that holds a field of this row's call, by the index that the column has."""
        node: Any = self._tree(cells)
        names: list[str] = []
        for part in path_of(field):
            keys = sorted(node) if _is_list(node) else []
            key = keys[part] if isinstance(part, int) and part < len(keys) else part
            node = node.get(key) if isinstance(node, dict) else None
            names.append(str(key))
        return ".".join(names)

    def _tree(self, cells: Sequence[str]) -> dict[str | int, Any]:
        """Return what is filled, with every list as a dictionary by index."""
        tree: dict[str | int, Any] = {}
        for column in self._fields:
            if cells[column.position].strip():
                node = tree
                for part in column.path:
                    node = node.setdefault(part, {})
        return tree


def _column(position: int, name: str) -> _Column:
    return _Column(path_of(name), position, _TYPED.get(kind_of(name) or ""))


def _is_list(node: object) -> bool:
    """Tell whether a node of the tree is a list: its keys are indexes."""
    return isinstance(node, dict) and isinstance(next(iter(node), None), int)


def _object_of(columns: Sequence[_Column]) -> Callable[[Sequence[str]], dict[Any, Any]]:
    """Return what makes an object of the cells of a row; the paths of its columns begin below it.

    What is where is told once for all rows: to find it for each takes as long as to check the call.
    """
    groups: dict[str | int, list[_Column]] = {}
    for column in columns:
        groups.setdefault(column.path[0], []).append(column._replace(path=column.path[1:]))
    members = [
        (key, group[0].position, group[0].typed, _below(group) if group[0].path else None)
        for key, group in groups.items()
    ]

    def make(cells: Sequence[str]) -> dict[Any, Any]:
        made = {}
        for key, position, typed, below in members:
            if below:
                if value := below(cells):
                    made[key] = value
            elif (cell := cells[position]) and not cell.isspace():
                made[key] = typed(cell) if typed else cell
        return made

    return make


def _below(columns: Sequence[_Column]) -> Callable[[Sequence[str]], Any]:
    """Return what makes an object, or a list without gaps; empty where no cell of it is filled."""
    if not isinstance(columns[0].path[0], int):
        return _object_of(columns)
    by_index = _object_of(sorted(columns, key=lambda column: column.path[0]))
    return lambda cells: list(by_index(cells).values())


def number_of(cell: str) -> float | str:
    """Return the JSON number in a cell, as it would be read in JSON; the cell itself where there is none."""
    text = cell.strip()
    found = _NUMBER.fullmatch(text)
    if found is None:
        return cell
    number = written_float(text) if found[1] else written_integer(text)
    return cell if number is None else number


def boolean_of(cell: str) -> bool | str:
    """Return the boolean in a cell; the cell itself where there is none."""
    return {"true": True, "false": False}.get(cell.strip().lower(), cell)


_TYPED: dict[str, Callable[[str], Any]] = {"number": number_of, "integer": number_of, "boolean": boolean_of}
