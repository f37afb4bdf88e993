"""Which rows of an export are recordings: a map's `[rows]`.

Invariant: a row is left out only for what the map says; how many were is counted, so that nobody takes a word
that never occurs for an export without recordings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.manifest.mapping.columns import ExportColumns, Read


class RowFilter:
    """Tells of each row whether it is wanted: words are compared without regard to case."""

    def __init__(self, rules: Mapping[str, Any], columns: ExportColumns, empty_words: Sequence[str]) -> None:
        self._filled = tuple(columns.read(name, empty_words) for name in rules.get("filled", ()))
        self._only = _words(rules.get("only", {}), columns)
        self._skip = _words(rules.get("skip", {}), columns)
        self._is_idle = not rules

    def __call__(self, record: Any) -> bool:
        """Tell whether a row is wanted."""
        if self._is_idle:
            return True
        return (
            all(read(record) for read in self._filled)
            and all(read(record).casefold() in words for read, words in self._only)
            and not any(read(record).casefold() in words for read, words in self._skip)
        )


def _words(rules: Mapping[str, Sequence[str]], columns: ExportColumns) -> list[tuple[Read, frozenset[str]]]:
    return [
        (columns.read(column), frozenset(word.strip().casefold() for word in words))
        for column, words in rules.items()
    ]
