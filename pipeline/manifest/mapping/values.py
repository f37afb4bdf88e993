"""Tables of values: what a word of the export is in Gong, such as a user's id for an agent's name.

Invariants: words are compared without regard to case and to the white space around them. A word with two
different values is refused, and so is one whose value is still empty.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.call import nearest_field

MOST_TOLD = 10


class TableRefused(Exception):
    """A table cannot be used.

    Attributes:
        messages: Why, by word, or for the table as a whole.
    """

    def __init__(self, messages: str | dict[str, str]) -> None:
        super().__init__(str(messages))
        self.messages = [messages] if isinstance(messages, str) else messages


class Tables:
    """The tables of values that a map has, each read once."""

    def __init__(self, tables: Mapping[str, Any], folder: Path) -> None:
        self._tables = {name: table for name, table in tables.items() if isinstance(table, dict)}
        self._folder = folder
        self._read: dict[str, dict[str, Any]] = {}

    def inline(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return a table that stands within its source, its words folded.

        Raises:
            TableRefused: It is empty, or words have no value or two.
        """
        return _folded(table.items())

    def named(self, name: str) -> dict[str, Any]:
        """Return a table below `[values]`.

        Raises:
            TableRefused: There is none of that name, or it cannot be used.
        """
        if name not in self._tables:
            nearest = nearest_field(name, self._tables)
            hint = f"is {nearest!r} meant?" if nearest else f"add [values.{name}] to the map"
            raise TableRefused(f"there is no table {name!r} below [values]; {hint}")
        if name not in self._read:
            self._read[name] = _folded(self._tables[name].items())
        return self._read[name]

    def of_file(self, path: str) -> dict[str, Any]:
        """Return the table in a CSV file of two columns, word and value; a path is relative to the map.

        Raises:
            TableRefused: It cannot be read or used.
        """
        if path not in self._read:
            self._read[path] = _folded(_pairs(self._folder / path))
        return self._read[path]


def _pairs(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file, strict=True) if any(map(str.strip, row))]
    except (OSError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TableRefused(f"{path} cannot be read: {reason}") from None
    for number, row in enumerate(rows, 1):
        if len(row) < 2:
            raise TableRefused(f"{path}: row {number} has no second column; there are two, word and value")
    return [(row[0], row[1].strip()) for row in rows]


def _folded(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for word, value in pairs:
        key = word.strip().casefold()
        if value == "":
            refused[word] = "has no value yet; fill it in"
        elif table.setdefault(key, value) != value:
            refused[word] = f"has two values, {table[key]!r} and {value!r}"
    if refused:
        told = dict(list(refused.items())[:MOST_TOLD])
        if len(refused) > MOST_TOLD:
            told["…"] = f"and {len(refused) - MOST_TOLD} more"
        raise TableRefused(told)
    if not table:
        raise TableRefused("has no words in it")
    return table
