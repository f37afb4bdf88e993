"""What became worse since a section was written: its ratios, which say more than figures of one machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bench.results import Table

WORSE_BY = 0.2
# Columns that hold ratios of which more is better, by a word in their names.
RATIO = re.compile(r"\b(ratio|by it|share|efficiency|use)\b")


def regressions(before: str, tables: Sequence[Table]) -> list[str]:
    """Tell of every ratio that is worse by more than a fifth than in the text of the same section before.

    Tables are known by their titles, rows by their first cell and their place among those that begin alike.
    """
    known = dict(_tables(before))
    return [
        f"{table.title}, {key[0]}: {column} was {old}, and is {new}"
        for table in tables
        for key, column, new in _ratios(table.columns, table.rows)
        if (old := known.get((table.title, key, column))) and _is_worse(old, new)
    ]


Key = tuple[str, int]


def _tables(text: str) -> Iterator[tuple[tuple[str, Key, str], str]]:
    """Give the ratios in a text by table, row and column."""
    for title, part in re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL):
        lines = [_cells(line) for line in part.splitlines() if line.startswith("|")]
        for key, column, cell in _ratios(lines[0], lines[2:]) if lines else ():
            yield (title, key, column), cell


def _ratios(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[tuple[Key, str, str]]:
    seen: dict[str, int] = {}
    for row in rows:
        key = (row[0], seen.setdefault(row[0], 0))
        seen[row[0]] += 1
        for column, cell in zip(columns, row, strict=True):
            if RATIO.search(column) and _number(cell) is not None:
                yield key, column, cell


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _is_worse(old: str, new: str) -> bool:
    before, now = _number(old), _number(new)
    return before is not None and now is not None and now < before * (1 - WORSE_BY)


def _number(cell: str) -> float | None:
    """Read a ratio, 0.95 or 95%."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", cell.strip())
    return float(match[1]) / (100 if match[2] else 1) if match else None
