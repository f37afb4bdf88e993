"""The field of a map that says where a value comes from: what may stand in it, by what the value becomes.

Invariants: a constant, and every value of a table, passes the very check that the call will; a column is one
that the export has. All problems come at once, each by its path in the source.
What a source means is left to `source`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from marshmallow import Schema, ValidationError

from pipeline.call.fields import Boolean, DocumentSchema, GivenField, Text
from pipeline.call.texts import OneOf, check_not_empty, check_time, shown
from pipeline.errors import ManifestUnreadable
from pipeline.manifest.mapping.columns import ExportColumns
from pipeline.manifest.mapping.media import problem_of_extension
from pipeline.manifest.mapping.numbers import UNITS
from pipeline.manifest.mapping.source import DIRECTIONS, ORIGINS
from pipeline.manifest.mapping.template import Template
from pipeline.manifest.mapping.times import AMBIGUOUS, check_format, may_have_offset, zone_of
from pipeline.manifest.mapping.values import MOST_TOLD, TableRefused, Tables

Becomes = Literal["text", "time", "duration", "direction", "media"]

_EXAMPLE = '"Call ID" for a column, or { constant = "…" } or { template = "{First} {Last}" }'


def refuses(check: Callable[[str], object]) -> Callable[[str], None]:
    """Make a check that raises ValueError or ManifestUnreadable one of the schema."""

    def check_text(text: str) -> None:
        try:
            check(text)
        except (ValueError, ManifestUnreadable) as error:
            raise ValidationError(str(error)) from None

    return check_text


def schema_of(name: str, fields: Mapping[str, GivenField]) -> type[Schema]:
    """Return a schema with these fields, in their order."""
    return DocumentSchema.from_dict({**fields}, name=name)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a source is checked against.

    Attributes:
        columns: Those of the export; None before its header was read.
        export: The map's `[export]`.
        tables: The map's tables of values.
    """

    columns: ExportColumns | None
    export: Mapping[str, Any]
    tables: Tables

    def check_column(self, name: str) -> None:
        """Raise ValidationError for a column that the export does not have."""
        if self.columns and (problem := self.columns.problem(name)):
            raise ValidationError(problem)


class ColumnName(Text):
    """The name of a column of the export."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around.check_column)


class _Constant(GivenField):
    """A value that passes the check of the field it is for."""

    def __init__(self, target: GivenField) -> None:
        super().__init__()
        self.target = target

    def check(self, value: object) -> None:
        self.target.check(value)


class _Values(GivenField):
    """A table of values by their words, or the name of one under [values]."""

    def __init__(self, around: Surroundings, target: GivenField) -> None:
        super().__init__()
        self.around = around
        self.target = target

    def check(self, value: object) -> None:
        try:
            table = self.around.tables.inline(value) if isinstance(value, dict) else self.named(value)
        except TableRefused as refused:
            raise ValidationError(refused.messages) from None
        self.check_outputs(table)

    def named(self, value: object) -> Mapping[str, Any]:
        if not isinstance(value, str):
            raise ValidationError(
                "must be a table of values, { word = value }, or the name of one below [values]"
            )
        return self.around.tables.named(value)

    def check_outputs(self, table: Mapping[str, Any]) -> None:
        messages: dict[str, object] = {}
        for word, output in table.items():
            try:
                self.target.check(output)
            except ValidationError as error:
                messages[word] = error.messages
        if messages:
            raise ValidationError(dict(list(messages.items())[:MOST_TOLD]))


class _ValuesFile(_Values):
    """The path of a CSV file of two columns: word and value."""

    def named(self, value: object) -> Mapping[str, Any]:
        if not isinstance(value, str):
            raise ValidationError("must be the path of a CSV file with two columns: word and value")
        return self.around.tables.of_file(value)


@dataclass(frozen=True)
class _Kind:
    """What a field's text becomes, and the keys of a source that belong to that."""

    becomes: Becomes
    keys: Mapping[str, GivenField] = field(default_factory=dict)


def _kind(name: str, target: GivenField, around: Surroundings) -> _Kind:
    if isinstance(target, Text) and check_time in target.checks:
        return _Kind(
            "time",
            {
                "format": Text(refuses(check_format)),
                "zone": Text(refuses(zone_of)),
                "zone_column": ColumnName(around),
                "ambiguous": Text(OneOf(AMBIGUOUS)),
            },
        )
    if name == "duration":
        return _Kind("duration", {"unit": Text(OneOf(UNITS))})
    if name == "direction":
        return _Kind("direction")
    return _Kind("text")


_MEDIA_KEYS = {
    "folder": Text(),
    "extension": Text(refuses(lambda text: _raise_if(problem_of_extension(text)))),
    "remove_prefix": Text(check_not_empty),
    "windows_paths": Boolean(),
}


def _raise_if(problem: str | None) -> None:
    if problem:
        raise ValueError(problem)


class SourceField(GivenField):
    """Where a field's value comes from; see `source`."""

    def __init__(
        self, name: str, target: GivenField, around: Surroundings, kind: _Kind | None = None
    ) -> None:
        super().__init__()
        self.target = target
        self.around = around
        self.of = kind or _kind(name, target, around)
        self.becomes = self.of.becomes

    def check(self, value: object) -> None:
        """Raise ValidationError for what is no source, with every problem in it."""
        if isinstance(value, str):
            self._check_column(value)
        elif isinstance(value, int | float):  # true and false among them
            self.target.check(value)
        elif isinstance(value, dict):
            schema_of("Source", self._keys())().load(value)
            self._check_together(value)
        else:
            raise ValidationError(f"must be {_EXAMPLE}; {shown(value)} is none of them")
        if self.becomes == "time":
            self._check_zone(value if isinstance(value, dict) else {})

    def _check_column(self, name: str) -> None:
        try:
            self.around.check_column(name)
        except ValidationError as error:
            is_value = isinstance(self.target, Text) and _passes(self.target, name)
            hint = f"; for the text itself write {{ constant = {shown(name)} }}" if is_value else ""
            raise ValidationError(f"{error.messages[0]}{hint}") from None

    def _keys(self) -> dict[str, GivenField]:
        keys: dict[str, GivenField] = {
            "column": ColumnName(self.around),
            "constant": _Constant(self.target),
            "template": _TemplateField(self.around),
            "default": _Constant(self.target),
            "values": _Values(self.around, self.target),
            "values_file": _ValuesFile(self.around, self.target),
            "otherwise": _Constant(self.target),
            **self.of.keys,
        }
        if self.becomes != "direction":
            keys |= {key: _Branch(self.target, self.around) for key in DIRECTIONS}
        return keys

    def _check_together(self, value: dict[str, Any]) -> None:
        origins = [key for key in ORIGINS if key in value]
        branches = [key for key in DIRECTIONS if key in value]
        if len(origins) > 1 or (origins and branches):
            raise ValidationError(f"must have only one of {', '.join([*origins, *branches])}")
        if not origins and not branches:
            raise ValidationError(f"says nowhere where the value comes from; write {_EXAMPLE}")
        if origins == ["constant"] and len(value) > 1:
            raise ValidationError("is a constant, so nothing else in it counts; leave the rest out")
        if "values" in value and "values_file" in value:
            raise ValidationError("must have only one of values, values_file")
        if (
            "otherwise" in value
            and not {"values", "values_file"} & set(value)
            and self.becomes != "direction"
        ):
            raise ValidationError("has 'otherwise' without values; where the cell is empty, 'default' counts")

    def _check_zone(self, value: dict[str, Any]) -> None:
        """Refuse times of which nobody says on which clocks they are."""
        form = value.get("format", self.around.export.get("time_format", "iso"))
        zone = value.get("zone") or value.get("zone_column") or self.around.export.get("time_zone")
        if "constant" in value or zone or may_have_offset(form):
            return
        raise ValidationError(
            f"has times of the form {form}, which say no offset from UTC; give their time zone, "
            'zone = "America/New_York", or time_zone below [export]'
        )


def media_field(around: Surroundings) -> SourceField:
    """Return the field of a map that says where the path of the media comes from."""
    return SourceField("media", Text(check_not_empty), around, _Kind("media", _MEDIA_KEYS))


class _Branch(GivenField):
    """A source for one direction: a column, a constant or a template."""

    def __init__(self, target: GivenField, around: Surroundings) -> None:
        super().__init__()
        self.target = target
        self.around = around

    def check(self, value: object) -> None:
        plain = SourceField("", self.target, self.around, _Kind("text"))
        if isinstance(value, dict) and not set(value) <= set(ORIGINS):
            raise ValidationError(f"must be {_EXAMPLE}; what else belongs to the source stands beside it")
        plain.check(value)


class _TemplateField(Text):
    """A text with names of columns in braces."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__()
        self.around = around

    def check(self, value: object) -> None:
        super().check(value)
        try:
            columns = Template.parse(str(value)).columns
        except ValueError as error:
            raise ValidationError(str(error)) from None
        problems = [self.around.columns and self.around.columns.problem(column) for column in columns]
        if messages := [problem for problem in problems if problem]:
            raise ValidationError(messages)


def _passes(target: GivenField, value: object) -> bool:
    try:
        target.check(value)
    except ValidationError:
        return False
    return True
