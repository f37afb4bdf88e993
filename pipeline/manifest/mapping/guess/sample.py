"""The beginning of an export: its header, and what stands in the first rows of each column.

Invariant: the separator of a table is the one that cuts most of the first rows into equally many cells, two
at least; nothing else about the file is guessed, its encoding least of all.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Literal

from pipeline.call import decode_call
from pipeline.errors import CallInvalid, ManifestUnreadable
from pipeline.manifest.lines import Line, Lines, problem_of_bytes
from pipeline.manifest.mapping.columns import ExportColumns, paths_of
from pipeline.manifest.opening import name_of, opened

SEPARATORS = (",", ";", "\t", "|")
MOST_LINES = 1000
_MOST_BYTES = 4 << 20
_EMPTY_WORDS = frozenset(("none", "[none]", "(none)", "null", "(null)", "n/a", "na", "-", "--", "anonymous"))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the sample.

    Attributes:
        name: As the header has it.
        values: Its cells that are not empty, in the order of the rows.
    """

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning of an export.

    Attributes:
        name: What the export is called.
        form: Table or JSON lines.
        rows: The number of rows looked at.
        columns: Its columns, in their order; those of a name that stands twice are left out.
        delimiter: What stands between the cells of a table.
        empty_words: Words in it that stand where there is nothing; they are none of the columns' values.
        skip_lines: Lines above the header of a table.
    """

    name: str
    form: Literal["csv", "jsonl"]
    rows: int
    columns: tuple[Column, ...]
    delimiter: str = ","
    skip_lines: int = 0
    empty_words: tuple[str, ...] = ()

    @property
    def extent(self) -> str:
        """What was looked at, as a part of a sentence."""
        return "its one row" if self.rows == 1 else f"its first {self.rows} rows"


def read_sample(
    path: Path | IO[bytes], *, encoding: str | None = None, delimiter: str | None = None
) -> Sample:
    """Read the beginning of an export.

    Raises:
        ManifestUnreadable: It cannot be read, is not text in the encoding, or has no header with rows.
    """
    name = name_of(path)
    with opened(path, encoding) as stream:
        lines = list(islice(Lines(stream, name), MOST_LINES))
    lines = _within_bytes(lines)
    for line in lines:
        if problem := problem_of_bytes(line.content):
            raise ManifestUnreadable(f"{name}, line {line.number} {problem}.")
    filled = [line for line in lines if not line.blank]
    if not filled:
        raise ManifestUnreadable(f"{name} has no rows.")
    if filled[0].content.lstrip().startswith(b"{"):
        return _of_objects(name, filled)
    return _of_table(name, lines, [delimiter] if delimiter else SEPARATORS)


def _within_bytes(lines: list[Line]) -> list[Line]:
    size_bytes = 0
    for place, line in enumerate(lines, 1):
        size_bytes += len(line.content)
        if size_bytes > _MOST_BYTES:
            return lines[:place]
    return lines


def _of_objects(name: str, lines: Sequence[Line]) -> Sample:
    objects = []
    for line in lines:
        try:
            objects.append(decode_call(line.content))
        except CallInvalid:
            continue  # rejected when it is brought in
    if not objects:
        raise ManifestUnreadable(f"{name} must hold one JSON object on each line (`jq -c` writes them so).")
    names = list(dict.fromkeys(path for each in objects for path in paths_of(each)))
    reads = ExportColumns(names, name, nested=True)
    groups = {path.rpartition(".")[0] for path in names}
    texts = {path: list(map(reads.read(path), objects)) for path in names if path not in groups}
    columns, empty_words = _columns(texts)
    filled = tuple(column for column in columns if column.values)
    return Sample(name, "jsonl", len(objects), filled, empty_words=empty_words)


def _columns(texts: Mapping[str, Sequence[str]]) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Return the columns with what stands in them, and the words that stand for nothing."""
    empty = {text for column in texts.values() for text in column if text.casefold() in _EMPTY_WORDS}
    columns = (
        Column(name, tuple(text for text in column if text and text not in empty))
        for name, column in texts.items()
    )
    return tuple(columns), tuple(sorted(empty))


def _of_table(name: str, lines: Sequence[Line], separators: Sequence[str]) -> Sample:
    texts = [line.content.decode() for line in lines]
    named = texts[0].strip().strip('"').casefold()
    skipped = 0
    if named.startswith("sep=") and len(named) == len("sep=;"):
        separators, texts, skipped = [named[-1]], texts[1:], 1
    tries = [(_table(texts, separator), separator) for separator in separators]
    (above, table), separator = max(tries, key=lambda each: _score(each[0][1]))
    if _score(table) == 0 or len(table) < 2:
        raise ManifestUnreadable(
            f"{name} has no header with rows of as many cells below it; name its separator with --delimiter."
        )
    header, rows = [cell.strip() for cell in table[0]], table[1:]
    times = Counter(header)
    usable = [name for name in header if name and times[name] == 1]
    reads = ExportColumns(header, name)
    columns, empty_words = _columns({each: list(map(reads.read(each), rows)) for each in usable})
    # A line `sep=;` is skipped by whoever reads the table, without the map's help.
    skip_lines = above if not skipped else 0
    return Sample(name, "csv", len(rows), columns, separator, skip_lines, empty_words)


def _table(texts: Sequence[str], separator: str) -> tuple[int, list[list[str]]]:
    """Return how many lines stand above the header, and the rows that have as many cells as most."""
    parser = csv.reader(texts, delimiter=separator)
    rows: list[tuple[int, list[str]]] = []
    above = 0
    try:
        for cells in parser:
            if any(map(str.strip, cells)):
                rows.append((above, cells))
            above = parser.line_num
    except csv.Error:
        pass  # what was read until there will do
    if not rows:
        return 0, []
    width = Counter(len(cells) for _, cells in rows).most_common(1)[0][0]
    fitting = [(line, cells) for line, cells in rows if len(cells) == width]
    # Blank lines above the header are skipped without being told.
    titles = [line for line, cells in rows if line < fitting[0][0]]
    return (fitting[0][0] if titles else 0), [cells for _, cells in fitting]


def _score(table: Sequence[Sequence[str]]) -> int:
    width = len(table[0]) if table else 0
    return width * len(table) if width > 1 else 0
