"""Sources: where a field's value comes from in a row of the export, compiled once into a function.

A source is a column, a constant or a template, or one of these for each direction of a call. What its text
becomes is decided by the field: a time, a duration, a number, a direction, a path, or the text itself.

Invariants: a constant, and what a table of values gives, is final and was checked with the map. A function
gives None where the row has nothing to say, and raises Unfit where it says what cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.manifest.mapping.columns import ExportColumns, Read
from pipeline.manifest.mapping.template import Template

Value = Callable[[Any], Any]
"""Gives a field's value in a row, None where there is none; raises Unfit."""
Convert = Callable[[Any, str], Any]
"""Makes a field's value of a row and the source's text, which is not empty; raises ValueError."""

DIRECTIONS = {"inbound": "Inbound", "outbound": "Outbound", "conference": "Conference", "unknown": "Unknown"}
"""What a direction is called in a source that differs by it, and in the API."""
ORIGINS = ("column", "constant", "template")
_MOST_SHOWN = 60
_MOST_WORDS_SHOWN = 12


class Unfit(Exception):
    """What a row says for a field cannot be used; the message says why, without naming the field."""


class DirectionUnfit(Unfit):
    """What a row says for the direction cannot be used, so that a source that differs by it says nothing."""


@dataclass(frozen=True, slots=True)
class Source:
    """A compiled source.

    Attributes:
        value: Gives the field's value.
        raw: Gives the text as it stands in the row, for a field whose value is unfit.
        columns: The columns that it reads.
    """

    value: Value
    raw: Read
    columns: tuple[str, ...]

    @property
    def varies(self) -> bool:
        """Whether it reads the row at all."""
        return bool(self.columns)


@dataclass(frozen=True, slots=True)
class Finish:
    """What is done with the text of a source.

    Attributes:
        convert: Makes the value of a text that is not in `values`.
        values: Values by their words, folded; None: the text itself is converted.
        otherwise: The value of a word that is not in `values`; None: it is unfit.
        default: The value where the text is empty.
        needs_all_columns: Whether a template with an empty column is unfit.
    """

    convert: Convert
    values: Mapping[str, Any] | None = None
    otherwise: Any = None
    default: Any = None
    needs_all_columns: bool = False


def compile_source(
    raw: object,
    columns: ExportColumns,
    empty_words: Sequence[str],
    finish: Finish,
    direction: Value | None = None,
) -> Source:
    """Compile a source that has no problems.

    Args:
        raw: The source as the map has it: a column's name, a constant, or a table.
        columns: Those of the export.
        empty_words: Words that count as an empty cell.
        finish: What is done with its text.
        direction: Gives the call's direction, for a source that differs by it.
    """

    def compiled(origin: object) -> Source:
        return _compile_origin(origin, columns, empty_words, finish)

    if not (isinstance(raw, dict) and not any(key in raw for key in ORIGINS)):
        return compiled(raw)
    if direction is None:
        raise TypeError("a direction cannot differ by itself")
    branches = {DIRECTIONS[key]: compiled(origin) for key, origin in raw.items() if key in DIRECTIONS}
    return _by_direction(direction, branches, finish.default)


def _by_direction(direction: Value, branches: Mapping[str, Source], default: object) -> Source:
    def chosen(record: Any) -> Source | None:
        try:
            return branches.get(direction(record))
        except Unfit as unfit:
            raise DirectionUnfit(str(unfit)) from None

    def value(record: Any) -> Any:
        branch = chosen(record)
        return branch.value(record) if branch else default

    def raw(record: Any) -> str:
        branch = chosen(record)
        return branch.raw(record) if branch else ""

    used = (column for branch in branches.values() for column in branch.columns)
    return Source(value, raw, tuple(dict.fromkeys(used)))


def _compile_origin(
    origin: object, columns: ExportColumns, empty_words: Sequence[str], finish: Finish
) -> Source:
    table: dict[str, Any] = origin if isinstance(origin, dict) else {_key_of(origin): origin}
    if "constant" in table:
        constant = table["constant"]
        return Source(lambda _record: constant, lambda _record: str(constant), ())
    if "column" in table:
        read = columns.read(table["column"], empty_words)
        return Source(_finished(read, finish), read, (table["column"],))
    template = Template.parse(table["template"])
    reads = [columns.read(column, empty_words) for column in template.columns]
    read = _filled_in(template, reads, needs_all=finish.needs_all_columns)
    return Source(_finished(read, finish), _filled_in(template, reads), tuple(template.columns))


def _key_of(origin: object) -> str:
    return "column" if isinstance(origin, str) else "constant"


def _filled_in(template: Template, reads: Sequence[Read], *, needs_all: bool = False) -> Read:
    """Return what fills a template in; it is empty where all of its columns are."""
    literals = template.pieces[::2]
    beginning, pairs = literals[0], tuple(zip(reads, literals[1:], strict=True))

    def read(record: Any) -> str:
        pieces = [beginning]
        filled = 0
        for read_column, literal in pairs:
            text = read_column(record)
            filled += bool(text)
            pieces += (text, literal)
        if needs_all and filled < len(pairs):
            empty = [
                name for name, (each, _) in zip(template.columns, pairs, strict=True) if not each(record)
            ]
            raise Unfit(
                f"needs every column of its template, or two recordings could get the same one; "
                f"empty in this row: {', '.join(map(repr, empty))}"
            )
        return "".join(pieces).strip() if filled else ""

    return read


def _finished(read: Read, finish: Finish) -> Value:
    convert, values, otherwise, default = finish.convert, finish.values, finish.otherwise, finish.default

    def value_of_text(record: Any) -> Any:
        text = read(record)
        if not text:
            return default
        try:
            return convert(record, text)
        except ValueError as error:
            raise Unfit(f"{shortened(text)!r} {error}") from None

    def value_of_word(record: Any) -> Any:
        text = read(record)
        if not text:
            return default
        found = values.get(text.casefold(), otherwise) if values is not None else None
        if found is None:
            raise Unfit(_unknown_word(text, values or {}))
        return found

    return value_of_text if values is None else value_of_word


def _unknown_word(text: str, values: Mapping[str, Any]) -> str:
    if len(values) > _MOST_WORDS_SHOWN:
        return f"{shortened(text)!r} is none of the {len(values)} words in its values"
    return (
        f"{shortened(text)!r} is none of the words in its values ({', '.join(map(repr, values))}); "
        "add it there, or say what else it is with 'otherwise'"
    )


def shortened(text: str) -> str:
    """Return a text fit for a line of a report."""
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"
