"""The schema of a map: what may stand in `map.toml`, checked against the columns of the export.

Invariants: the fields of the call are those of the call's own schema, so a map can name whatever a call can
have and nothing else. All problems come at once, each by its path in the file.
What is required of the fields together is left to `document`.
"""

from __future__ import annotations

from marshmallow import Schema, ValidationError

from pipeline.call.fields import Boolean, GivenField, Integer, Items, Object, Text
from pipeline.call.schema import CALL_SCHEMA
from pipeline.call.texts import OneOf, check_not_empty
from pipeline.manifest.mapping.source_field import (
    ColumnName,
    SourceField,
    Surroundings,
    media_field,
    refuses,
    schema_of,
)
from pipeline.manifest.mapping.times import AMBIGUOUS, check_format, zone_of
from pipeline.manifest.opening import check_encoding
from pipeline.manifest.table import separator_of

EXPORT_SCHEMA = schema_of(
    "Export",
    {
        "format": Text(OneOf(("csv", "jsonl"))),
        "encoding": Text(refuses(check_encoding)),
        "delimiter": Text(refuses(separator_of)),
        "skip_lines": Integer(0, 1000),
        "columns": Items(Text(check_not_empty), fewest=1),
        "time_format": Text(refuses(check_format)),
        "time_zone": Text(refuses(zone_of)),
        "ambiguous": Text(OneOf(AMBIGUOUS)),
        "empty_words": Items(Text(check_not_empty)),
    },
)


def _mapped(name: str, target: GivenField, around: Surroundings) -> GivenField:
    """Return the field of the map for a field of the call."""
    if isinstance(target, Items) and isinstance(target.inner, GivenField):
        return Items(_mapped(name, target.inner, around), fewest=target.fewest)
    if isinstance(target, Object):
        return Object(schema_of(name, _mapped_fields(target.schema, around, is_party=name == "parties")))
    return SourceField(name, target, around)


def _mapped_fields(schema: Schema, around: Surroundings, *, is_party: bool = False) -> dict[str, GivenField]:
    fields = {
        name: _mapped(name, target, around)
        for name, target in schema.fields.items()
        if isinstance(target, GivenField)
    }
    return {"rep": Boolean(), **fields} if is_party else fields


class _Words(GivenField):
    """Words by column: the rows that have one of them there."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__()
        self.around = around

    def check(self, value: object) -> None:
        if not isinstance(value, dict):
            raise ValidationError('must be a table of words by column, { Type = ["Voice"] }')
        messages: dict[str, object] = {}
        for column, words in value.items():
            try:
                self.around.check_column(column)
                Items(Text(), fewest=1).check(words)
            except ValidationError as error:
                messages[column] = error.messages
        if messages:
            raise ValidationError(messages)


def map_schema(around: Surroundings) -> Schema:
    """Return the schema of a whole map."""
    rows = {"only": _Words(around), "skip": _Words(around), "filled": Items(ColumnName(around), fewest=1)}
    call = _mapped_fields(CALL_SCHEMA, around)
    return schema_of(
        "Map",
        {
            "export": Object(EXPORT_SCHEMA),
            "rows": Object(schema_of("Rows", rows)),
            "call": Object(schema_of("MappedCall", call), required=True),
            "media": media_field(around),
            "values": _ValueTables(),
        },
    )()


class _ValueTables(GivenField):
    """Tables of values by their names; what stands in them is checked where they are used."""

    def check(self, value: object) -> None:
        if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
            raise ValidationError(
                'must hold tables of their own, [values.users] with lines like "Jane Doe" = "7"'
            )
