"""Whether a schema takes an object, without what is wrong with it.

Nearly every call of a manifest is right. To find that out needs the checks of the fields that are there, and
none of the steps that marshmallow's `load` takes for fields that are absent and for a result that nobody
uses. The way through an object is made of its schema, once: there is no second list of fields.

Invariant: what is taken here, if its texts can be sent (`body.is_sendable`), `load` takes. What is not may be
right all the same, such as a number that is no int and no float: then `load` has the word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from marshmallow import Schema, ValidationError

from pipeline.call.fields import GREATEST_FLOAT, GivenField, Integer, Items, Number, Object, Text
from pipeline.call.texts import OneOf, TextCheck

Check = Callable[[object], None]
"""Raises one of `_NOT_TAKEN` for a value that the field does not take, or may not take."""


class _Refused(Exception):
    """The value is none that the field takes."""


# A field that is not known is the key of no check.
_NOT_TAKEN = (ValidationError, _Refused, KeyError)


def taker_of(schema: Schema) -> Callable[[Mapping[str, object]], bool]:
    """Return what tells whether a schema takes an object, but for characters in its texts."""
    check = _check_of_object(schema)

    def takes(value: Mapping[str, object]) -> bool:
        try:
            check(value)
        except _NOT_TAKEN:
            return False
        return True

    return takes


def _check_of(field: object) -> Check:
    if isinstance(field, Object):
        return _check_of_object(field.schema)
    if isinstance(field, Items):
        return _check_of_items(field)
    if isinstance(field, Text):
        return _check_of_text(field.checks)
    if isinstance(field, Integer):
        return _check_of_integer(field)
    if isinstance(field, Number):
        return _check_of_number(field)
    if not isinstance(field, GivenField):
        raise TypeError(f"{field} is not a field of a call")
    return _check_of_any(field)


def _check_of_any(field: GivenField) -> Check:
    def check(value: object) -> None:
        if value is None:
            raise _Refused
        field.check(value)

    return check


def _check_of_object(schema: Schema) -> Check:
    # Half of what a call has are texts of any kind: to look at their type takes less than a call of Python.
    texts = frozenset(name for name, field in schema.fields.items() if _takes_any_text(field))
    checks = {name: _check_of(field) for name, field in schema.fields.items() if name not in texts}
    required = frozenset(name for name, field in schema.fields.items() if field.required)

    def check(value: object) -> None:
        if type(value) is not dict or not required <= value.keys():
            raise _Refused
        for name, member in value.items():
            if name not in texts:
                checks[name](member)
            elif type(member) is not str:
                raise _Refused

    return check


def _takes_any_text(field: object) -> bool:
    return isinstance(field, Text) and not field.checks


def _check_of_items(field: Items) -> Check:
    check_item, fewest = _check_of(field.inner), field.fewest

    def check(value: object) -> None:
        if type(value) is not list or len(value) < fewest:
            raise _Refused
        for item in value:
            check_item(item)

    return check


def _check_of_text(checks: tuple[TextCheck, ...]) -> Check:
    if len(checks) == 1 and isinstance(checks[0], OneOf):
        return _check_of_word(frozenset(checks[0].values))

    def check(value: object) -> None:
        if type(value) is not str:
            raise _Refused
        for check_text in checks:
            check_text(value)

    return check


def _check_of_word(words: frozenset[str]) -> Check:
    def check(value: object) -> None:
        if type(value) is not str or value not in words:
            raise _Refused

    return check


def _check_of_integer(field: Integer) -> Check:
    least, greatest = field.least, field.greatest

    def check(value: object) -> None:
        if type(value) is not int or not least <= value <= greatest:
            raise _Refused

    return check


def _check_of_number(field: Number) -> Check:
    def check(value: object) -> None:
        # What is not the most usual type has its own check: a number that keeps its form, a bool.
        if type(value) is not float or not 0.0 <= value <= GREATEST_FLOAT:
            field.check(value)

    return check
