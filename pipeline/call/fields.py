"""The types of a call's fields, as marshmallow fields that check and never convert.

Invariants: a value that is taken is left as it is. Absent and null differ: absent is allowed where the field
is not required, null never. true and false are not numbers, numbers are not texts.
Messages go on from the field's path: `parties.0.name` + "must be text …".
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import ClassVar, Literal, TypeGuard

from marshmallow import Schema, ValidationError, fields, missing

from pipeline.call.nearest import nearest_field
from pipeline.call.texts import TextCheck, check_sendable, shown

Kind = Literal["string", "number", "integer", "boolean", "object", "any"]

# The bounds of the document's formats int32 and float.
GREATEST_INT32 = 2**31 - 1
GREATEST_FLOAT = (2 - 2**-23) * 2.0**127

# Far beyond any real value, and far from the depth at which reading or writing JSON fails.
_DEEPEST = 100


class GivenField(fields.Field[object]):
    """A field whose value is checked and kept as it was given."""

    kind: ClassVar[Kind]

    def __init__(self, *, required: bool = False) -> None:
        super().__init__(required=required)

    # Marshmallow's own takes steps for conversion and defaults that no field here has. Most fields of most
    # calls are absent, so what an absent field costs is what a check costs: this makes it a third less.
    def deserialize(self, value: object, *_place: object, **_options: object) -> object:
        """Check a value and return it as it is.

        Raises:
            ValidationError: The value is refused; its messages are nested by field and index.
        """
        if value is missing:
            if self.required:
                raise ValidationError("is required")
        elif value is None:
            raise ValidationError("must not be null; leave the field out where there is nothing to say")
        else:
            self.check(value)
        return value

    def check(self, value: object) -> None:
        """Raise ValidationError for a value, never null, that this field cannot have."""
        raise NotImplementedError


class Text(GivenField):
    """A text that passes some checks; the first that fails has the word.

    A number is refused, because a long id loses digits as one.
    """

    kind = "string"

    def __init__(self, *checks: TextCheck, required: bool = False) -> None:
        super().__init__(required=required)
        self.checks = checks

    def check(self, value: object) -> None:
        """Raise ValidationError for what is no text, or not the right one."""
        if not isinstance(value, str):
            if _is_number(value):
                raise ValidationError(f'must be text; write "{shown(value)}" in quotation marks')
            raise ValidationError(f"must be text, not {shown(value)}")
        check_sendable(value)
        for check in self.checks:
            check(value)


class Integer(GivenField):
    """A whole number between two bounds, both of them allowed."""

    kind = "integer"

    def __init__(self, least: int, greatest: int, *, required: bool = False) -> None:
        super().__init__(required=required)
        self.least = least
        self.greatest = greatest

    def check(self, value: object) -> None:
        """Raise ValidationError for what is no whole number, or not between the bounds."""
        if not (_is_number(value) and isinstance(value, int) and self.least <= value <= self.greatest):
            raise ValidationError(
                f"must be a whole number from {self.least} to {self.greatest}, not {shown(value)}"
            )


class Number(GivenField):
    """A number that is not negative and fits into the document's format `float`."""

    kind = "number"

    def check(self, value: object) -> None:
        """Raise ValidationError for what is no number, negative, NaN or too large."""
        if not (_is_number(value) and 0 <= value <= GREATEST_FLOAT):  # a comparison with NaN is false
            raise ValidationError(f"must be a number, 0 or more, such as 125.8; {shown(value)} is not")


class Boolean(GivenField):
    """true or false."""

    kind = "boolean"

    def check(self, value: object) -> None:
        """Raise ValidationError for anything else, such as 1 or "true"."""
        if not isinstance(value, bool):
            raise ValidationError(f"must be true or false, without quotation marks, not {shown(value)}")


class AnyValue(GivenField):
    """Any JSON value but null.

    The document calls the value of a context's field an `object`, yet gives the text "Gong Inc." as its
    example: its `object` is Java's, which is anything. Null is refused as everywhere; within the value it
    may stand.
    """

    kind = "any"

    def check(self, value: object) -> None:
        """Raise ValidationError for what JSON cannot say."""
        _check_json(value, _DEEPEST)


class Items(GivenField, fields.List[object]):
    """A list of one kind of items."""

    kind = "object"

    def __init__(self, item: GivenField, *, fewest: int = 0, required: bool = False) -> None:
        fields.List.__init__(self, item, required=required)
        self.fewest = fewest

    def check(self, value: object) -> None:
        """Raise ValidationError for what is no list, too short, or has an item that is refused."""
        if not isinstance(value, list | tuple):
            raise ValidationError(f"must be a list, […], not {shown(value)}")
        if len(value) < self.fewest:
            raise ValidationError(f"must have at least {self.fewest} item, not {len(value)}")
        super()._deserialize(value, None, None)


class Object(GivenField, fields.Nested):
    """An object with fields of its own."""

    kind = "object"

    def __init__(self, schema: type[Schema], *, required: bool = False) -> None:
        fields.Nested.__init__(self, schema, required=required)

    def check(self, value: object) -> None:
        """Raise ValidationError for what is no object, or has a field that is refused."""
        if not isinstance(value, dict):
            raise ValidationError(f"must be an object, {{…}}, not {shown(value)}")
        self.schema.load(value)


class DocumentSchema(Schema):
    """A schema whose messages stand in the document's order, the unknown fields after them as given."""

    def handle_error(
        self, error: ValidationError, data: Mapping[object, object], *, many: bool, **_options: object
    ) -> None:
        """Put the messages in order and name, for each unknown field, the nearest known one."""
        del many  # marshmallow passes it; no schema here is of a list
        found = error.messages_dict
        known = {name: found[name] for name in self.fields if name in found}
        unknown = {name: [_unknown(name, self.fields)] for name in data if name not in self.fields}
        error.messages = known | unknown


def _unknown(name: object, known: Mapping[str, object]) -> str:
    nearest = nearest_field(name, known) if isinstance(name, str) else None
    if nearest:
        return f"unknown field; did you mean {nearest}?"
    return f"unknown field; known here are {', '.join(known)}"


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_json(value: object, deepest: int) -> None:
    """Refuse what JSON cannot say, naming the place within the value."""
    if deepest == 0:
        raise ValidationError(f"is nested more than {_DEEPEST} levels deep")
    if isinstance(value, str):
        check_sendable(value)
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_name(name)
            _check_within(name, member, deepest)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_within(index, item, deepest)
    elif not _is_scalar(value):
        raise ValidationError(f"must be a JSON value, not {shown(value)}")


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ValidationError(f"has the name {shown(name)}; names in an object are texts")
    check_sendable(name)


def _check_within(place: str | int, value: object, deepest: int) -> None:
    try:
        _check_json(value, deepest - 1)
    except ValidationError as error:
        raise ValidationError({place: error.messages}) from None


def _is_scalar(value: object) -> bool:
    """Tell whether a value is null, true, false, or a number within the range of a double (RFC 8259)."""
    if _is_number(value):
        return -sys.float_info.max <= value <= sys.float_info.max
    return value is None or isinstance(value, bool)
