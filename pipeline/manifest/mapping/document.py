"""A map: reads `map.toml`, tells what is wrong with it, and binds it to an export.

Invariants: everything that is wrong with a map is told at once, each problem by its path, with the columns
that there are; a map that is bound makes no further complaint, only its rows do.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from marshmallow import Schema

from pipeline.call.texts import path_below
from pipeline.errors import ManifestUnreadable, Problem
from pipeline.manifest.mapping.columns import ExportColumns
from pipeline.manifest.mapping.compile import compile_map
from pipeline.manifest.mapping.mapped import MappedRows
from pipeline.manifest.mapping.schema import EXPORT_SCHEMA, map_schema
from pipeline.manifest.mapping.source_field import Surroundings
from pipeline.manifest.mapping.values import Tables
from pipeline.manifest.table import separator_of

_MOST_PROBLEMS = 40
_REQUIRED = {
    "clientUniqueId": "name the column that tells each recording from all others",
    "actualStart": "name the column with the time at which the call began",
    "direction": 'name the column that says who called, or write { constant = "Unknown" }',
}
_PRIMARY_USER = (
    "is required: the rep's user id in Gong; where the export has a name or an address instead, "
    '{ column = "Agent", values = "users" } with the ids below [values.users]'
)


# As `map --init` writes it (guess/toml.py).
_LEFT_OPEN = re.compile(r"^#\? *(\w+) *=", re.MULTILINE)


@dataclass(slots=True)
class ColumnMap:
    """A map as it stands in its file.

    Attributes:
        name: What it is called in a sentence.
        folder: What the paths in it are relative to.
        document: The decoded TOML.
        left_open: What its lines that `map --init` left to a person would define.
        bound: What it became with the columns of an export; None before that.
    """

    name: str
    folder: Path
    document: dict[str, Any]
    left_open: frozenset[str] = frozenset()
    bound: MappedRows | None = field(default=None, init=False)

    @property
    def form(self) -> Literal["csv", "jsonl"] | None:
        """The form of the export, where the map says it."""
        found: Literal["csv", "jsonl"] | None = self._export.get("format")
        return found

    @property
    def encoding(self) -> str | None:
        """The encoding of the export, where the map says it."""
        return self._export.get("encoding")

    @property
    def delimiter(self) -> str | None:
        """The separator of the export, where the map says it."""
        given = self._export.get("delimiter")
        return None if given is None else separator_of(given)

    @property
    def skip_lines(self) -> int:
        """The lines above the header that are none of the table."""
        return int(self._export.get("skip_lines", 0))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the map itself names: all of a table without header, more ones of JSON lines."""
        return tuple(self._export.get("columns", ()))

    @property
    def left_out(self) -> int:
        """How many rows the map's `[rows]` has left out so far."""
        return self.bound.left_out if self.bound else 0

    @property
    def _export(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document.get("export", {})
        return found

    def bind(
        self, names: Sequence[str], export: str, *, nested: bool = False, are_all: bool = True
    ) -> MappedRows:
        """Bind the map to the columns of an export.

        Args:
            names: The columns; white space around a name does not count.
            export: What the export is called in a sentence.
            nested: Whether the columns are paths in JSON objects instead of places in rows of cells.
            are_all: Whether there are no other columns; of JSON objects there may be.

        Raises:
            ManifestUnreadable: The map cannot be used with it; every problem is told.
        """
        columns = ExportColumns([name.strip() for name in names], export, nested=nested, are_all=are_all)
        schema = self._checked(columns)
        self.bound = compile_map(self.document, schema, columns)
        return self.bound

    def _checked(self, columns: ExportColumns | None) -> Schema:
        """Return the schema that finds nothing wrong."""
        tables = self.document.get("values")
        tables = Tables(tables if isinstance(tables, dict) else {}, self.folder)
        schema = map_schema(Surroundings(columns, self._export, tables))
        problems = [*_problems("", schema.validate(self.document)), *_missing(self.document)]
        if problems:
            told = _told(self.name, problems, columns)
            raise ManifestUnreadable("\n".join([told, *self._left_open(problems)]))
        return schema

    def _left_open(self, problems: Sequence[Problem]) -> Iterator[str]:
        """Say which of these problems go when a line that is there is chosen."""
        names = {each.field.rpartition(".")[2] for each in problems}
        if found := sorted(names & self.left_open):
            yield f"Remove the #? in front of the right line for {', '.join(found)}, or write it anew."


def read_map(path: Path) -> ColumnMap:
    """Read a map from its TOML file.

    Raises:
        ManifestUnreadable: It is missing, is not TOML, or what it says of the export as a file is wrong;
            what else is wrong is told when it is bound to an export.
    """
    try:
        text = path.read_text("utf-8-sig")
        document = tomllib.loads(text)
    except FileNotFoundError as error:
        raise ManifestUnreadable(
            f"There is no map {path} (the current folder is {Path.cwd()}); "
            "'gong-ingest map --init EXPORT' writes a first one."
        ) from error
    except (OSError, ValueError) as error:  # ValueError: not TOML, not UTF-8
        reason = error.strerror if isinstance(error, OSError) else error
        raise ManifestUnreadable(f"The map {path} cannot be read: {reason}.") from error
    export = document.get("export", {})
    if not isinstance(export, dict) or (problems := EXPORT_SCHEMA().validate(export)):
        messages = problems if isinstance(export, dict) else ["must be a table, [export]"]
        raise ManifestUnreadable(_told(str(path), list(_problems("export", messages)), None))
    return ColumnMap(str(path), path.parent, document, frozenset(_LEFT_OPEN.findall(text)))


def _problems(path: str, messages: object) -> Iterator[Problem]:
    if isinstance(messages, dict):
        for name, below in messages.items():
            yield from _problems(path_below(path, name) if name != "_schema" else path, below)
    elif isinstance(messages, list):
        for message in messages:
            yield from _problems(path, message)
    else:
        yield Problem(path, str(messages))


def _missing(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is required and not there, whatever else is wrong with the map."""
    call = document.get("call", {})
    if not isinstance(call, dict):
        return
    for name, sentence in _REQUIRED.items():
        if name not in call:
            yield Problem(f"call.{name}", f"is required: {sentence}")
    parties = call.get("parties")
    if parties is None:
        yield Problem(
            "call.parties", "is required: [[call.parties]] for the rep, and one for each other party"
        )
    yield from _missing_rep(call, [each for each in parties or () if isinstance(each, dict)])
    if "media" not in document and "downloadMediaUrl" not in call:
        yield Problem("media", "is required: the column with the recording's file, or call.downloadMediaUrl")


def _missing_rep(call: Mapping[str, Any], parties: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    reps = [place for place, party in enumerate(parties) if party.get("rep") is True]
    if len(reps) > 1:
        yield Problem(f"call.parties.{reps[1]}.rep", f"the rep is parties.{reps[0]} already; there is one")
    if "primaryUser" in call:
        if parties and not reps and not any("userId" in party for party in parties):
            yield Problem("call.parties", "has no rep: write rep = true in the party that is the primaryUser")
    elif not any("userId" in parties[place] for place in reps):
        yield Problem("call.primaryUser", _PRIMARY_USER)


def _told(name: str, problems: Sequence[Problem], columns: ExportColumns | None) -> str:
    """Return the problems of a map as text, one on each line, with the columns that there are."""
    lines = [f"{name} cannot be used as a map:", *(f"  {each}" for each in problems[:_MOST_PROBLEMS])]
    if len(problems) > _MOST_PROBLEMS:
        lines.append(f"  and {len(problems) - _MOST_PROBLEMS} more")
    if columns:
        lines.append(f"The columns of {columns.export} are {columns.listed()}.")
    return "\n".join(lines)
