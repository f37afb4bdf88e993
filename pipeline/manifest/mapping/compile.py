"""From a map that has no problems to what makes calls of rows.

The rep's party and the call's primaryUser are one person: whichever of `primaryUser` and the party's `userId`
the map leaves out is taken from the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

from pipeline.call.fields import Items, Object
from pipeline.manifest.mapping.columns import ExportColumns
from pipeline.manifest.mapping.convert import finish_of
from pipeline.manifest.mapping.filter import RowFilter
from pipeline.manifest.mapping.mapped import MappedRows
from pipeline.manifest.mapping.source import Source, Value, compile_source
from pipeline.manifest.mapping.source_field import SourceField
from pipeline.manifest.mapping.tree import Group, Leaf, Listing, Node


def compile_map(document: Mapping[str, Any], schema: Schema, columns: ExportColumns) -> MappedRows:
    """Bind a map to an export's columns; the schema is the one that found no problem in it."""
    empty_words = document.get("export", {}).get("empty_words", ())
    compiler = _Compiler(columns, empty_words)
    call_fields = _fields_below(schema.fields["call"])
    call = with_rep(document["call"])
    compiler.direction = compiler.source("direction", call_fields["direction"], call["direction"]).value
    media = (
        compiler.source("media", schema.fields["media"], document["media"]) if "media" in document else None
    )
    wanted = RowFilter(document.get("rows", {}), columns, empty_words)
    return MappedRows(len(columns.names), compiler.group(call_fields, call), media, wanted)


def with_rep(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return the call's sources with the rep's party and the primaryUser made one."""
    parties = [{name: source for name, source in party.items() if name != "rep"} for party in call["parties"]]
    made = {**call, "parties": parties}
    for party, given in zip(parties, call["parties"], strict=True):
        if given.get("rep"):
            if "userId" in party:
                made.setdefault("primaryUser", party["userId"])
            else:
                party["userId"] = made["primaryUser"]
    return made


@dataclass(slots=True)
class _Compiler:
    columns: ExportColumns
    empty_words: tuple[str, ...]
    direction: Value | None = None

    def group(self, fields: Mapping[str, Any], raw: Mapping[str, Any]) -> Group:
        """Compile an object; its fields come in the order of the API's document."""
        return Group(
            {name: self.node(name, field, raw[name]) for name, field in fields.items() if name in raw}
        )

    def node(self, name: str, field: object, raw: Any) -> Node:
        if isinstance(field, Items):
            return Listing([self.node(name, field.inner, item) for item in raw])
        if isinstance(field, Object):
            return self.group(_fields_below(field), raw)
        return Leaf(self.source(name, field, raw))

    def source(self, name: str, field: object, raw: object) -> Source:
        if not isinstance(field, SourceField):
            raise TypeError(f"{name} has no source")
        finish = finish_of(name, field, raw, self.columns)
        return compile_source(raw, self.columns, self.empty_words, finish, self.direction)


def _fields_below(field: object) -> Mapping[str, Any]:
    return field.schema.fields if isinstance(field, Object) else {}
