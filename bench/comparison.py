"""What became worse since a section was committed: its ratios, which say more than figures of one machine.

Beside what was committed, not what was written last: what slides a little with every run is told too.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.results import RESULTS, Table, written

WORSE_BY = 0.2
OURS = "gong-ingest"
# Columns that say what we are to others or to ourselves, whoever the row is named after; more is better.
BETWEEN = re.compile(r"÷|\b(ratio|by it|by the shortest|free cores)\b")
# Columns that say it of whoever the row is named after.
OF_ITS_OWN = re.compile(r"\b(share|efficiency|use|fairness|of the limit)\b")
# Shares of which less is better.
COSTS = re.compile(r"\b(waits|busy|load|memory)\b")


def committed(title: str, path: Path = RESULTS) -> str:
    """Give what stands in a section in the last commit; what stands in the file where git knows nothing."""
    command = ["git", "show", f"HEAD:./{path.name}"]
    try:
        shown = subprocess.run(command, cwd=path.parent, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return written(title, path)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(shown.stdout)
        return written(title, copy)


def regressions(before: str, tables: Sequence[Table]) -> list[str]:
    """Tell of every ratio of ours that is worse by more than a fifth than in the same section before.

    Tables are known by their titles, rows by their first cell and their place among those that begin alike.
    Where rows are named after contenders, what another one makes of it is no regression.
    """
    known = dict(_tables(before))
    return [
        f"{table.title}, {key[0]}: {column} was {old}, and is {new}"
        for table in tables
        for key, column, new in _ratios(table.columns, table.rows)
        if (old := known.get((table.title, key, column))) and _is_worse(old, new)
    ]


def is_judged(column: str, *, ours: bool) -> bool:
    """Tell whether a column holds ratios of which more is better for us, in a row of ours or of another."""
    return bool(BETWEEN.search(column) or (ours and OF_ITS_OWN.search(column))) and not COSTS.search(column)


Key = tuple[str, int]


def _tables(text: str) -> Iterator[tuple[tuple[str, Key, str], str]]:
    """Give the ratios in a text by table, row and column."""
    for title, part in re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL):
        lines = [_cells(line) for line in part.splitlines() if line.startswith("|")]
        for key, column, cell in _ratios(lines[0], lines[2:]) if lines else ():
            yield (title, key, column), cell


def _ratios(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[tuple[Key, str, str]]:
    seen: dict[str, int] = {}
    # Rows of receivers, manifests and lengths are all ours.
    has_contenders = any(map(_names_us, rows))
    for row in rows:
        key = (row[0], seen.setdefault(row[0], 0))
        seen[row[0]] += 1
        ours = not has_contenders or _names_us(row)
        for column, cell in zip(columns, row, strict=True):
            if is_judged(column, ours=ours) and _number(cell) is not None:
                yield key, column, cell


def _names_us(row: Sequence[str]) -> bool:
    return any(cell.startswith(OURS) for cell in row)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _is_worse(old: str, new: str) -> bool:
    before, now = _number(old), _number(new)
    return before is not None and now is not None and now < before * (1 - WORSE_BY)


def _number(cell: str) -> float | None:
    """Read a ratio, 0.95 or 95%."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", cell.strip())
    return float(match[1]) / (100 if match[2] else 1) if match else None
