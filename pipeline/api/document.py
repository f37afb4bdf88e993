"""The API's OpenAPI document: its schemas are those by which calls are checked, and none beside them.

Invariants: every bound, value and form that `pipeline.call` checks in one field stands in the document. What
it checks of several fields together (`call/rules.py`) no schema can say: that is told in words, and by a 422.
OpenAPI 3.1, whose schemas are JSON Schema 2020-12.
"""

from __future__ import annotations

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from pipeline import __version__
from pipeline.api.schemas import Error
from pipeline.call.fields import GREATEST_FLOAT, AnyValue, Boolean, Integer, Items, Number, Text
from pipeline.call.texts import (
    EMAIL_HINT,
    TIME,
    Longest,
    OneOf,
    TextCheck,
    check_email,
    check_not_empty,
    check_time,
    check_web_url,
)

OPENAPI_VERSION = "3.1.0"
PATH, PAGE = "/openapi.json", "/docs"

# NUL cannot be sent on; half of a surrogate pair is no UTF-8 to begin with.
SENDABLE = "^[^\\u0000]*$"

WORDS: dict[TextCheck, dict[str, Any]] = {
    check_not_empty: {"minLength": 1},
    check_time: {"format": "date-time", "pattern": f"^{TIME}$"},
    check_email: {"format": "email", "description": EMAIL_HINT},
    check_web_url: {"format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^\\s]+$"},
}

DESCRIPTION = """\
Hands recordings in, and tells what became of them. An answer 202 or 200 means that the ledger has written it.
Without an answer, hand the same recording in again: it will not be there twice.

In a path a `clientUniqueId` is percent-encoded as UTF-8, every character but letters, digits, `-`, `_`, `.`
and `~`: `a/b:c` is `a%2Fb%3Ac`. What is refused is answered in one form, `application/problem+json`
(RFC 9457), with a `code` for programs.
"""

EXAMPLE_CALL = {
    "clientUniqueId": "pbx-1",
    "actualStart": "2026-02-17T02:30:00-08:00",
    "direction": "Inbound",
    "primaryUser": "234599484848423",
    "parties": [{"userId": "234599484848423"}, {"phoneNumber": "+1 206-555-0142"}],
}
EXAMPLE = {"call": EXAMPLE_CALL, "media": "2026/02/1.wav"}

SETTINGS: dict[str, Any] = {
    "API_TITLE": "gong-call-ingest",
    "API_VERSION": __version__,
    "OPENAPI_VERSION": OPENAPI_VERSION,
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": PATH.removeprefix("/"),
    "API_SPEC_OPTIONS": {
        "info": {"description": DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
        # Relative to where the document was got, so that it holds behind a proxy as well.
        "servers": [{"url": "/"}],
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made with `gong-ingest token create NAME`.",
                }
            }
        },
    },
}


def plugin() -> MarshmallowPlugin:
    """Give what makes OpenAPI of marshmallow, taught the fields of a call."""
    made = MarshmallowPlugin(schema_name_resolver=_name_of)
    # `init_spec` makes the converter, and only then it can be taught.
    begin = made.init_spec

    def init_spec(spec: Any) -> None:
        begin(spec)
        if made.converter is None:
            raise TypeError("apispec has made no converter")
        made.converter.add_attribute_function(  # type: ignore[no-untyped-call] # apispec's has no types
            lambda _, field, **__: words_of(field)
        )

    made.init_spec = init_spec  # type: ignore[method-assign]
    return made


def words_of(field: fields.Field[Any]) -> dict[str, Any]:
    """Say in JSON Schema's words what a field of a call takes; nothing of any other field."""
    words: dict[str, Any] = {}
    match field:
        case Text():
            words = _words_of_text(field)
        case Integer():
            words = {"type": "integer", "minimum": field.least, "maximum": field.greatest}
        case Number():
            words = {"type": "number", "minimum": 0, "maximum": GREATEST_FLOAT}
        case Boolean():
            words = {"type": "boolean"}
        case AnyValue():
            words = {"not": {"type": "null"}}
        case Items() if field.fewest:
            words = {"minItems": field.fewest}
    return words


def _words_of_text(field: Text) -> dict[str, Any]:
    words: dict[str, Any] = {"type": "string"}
    for check in field.checks:
        match check:
            case Longest():
                words["maxLength"] = check.characters
            case OneOf():
                words["enum"] = list(check.values)
            case _:
                words |= WORDS[check]
    return words if "enum" in words or "pattern" in words else words | {"pattern": SENDABLE}


def _name_of(schema: Schema | type[Schema] | str) -> str:
    if isinstance(schema, str):
        return schema
    return schema.__name__ if isinstance(schema, type) else type(schema).__name__


ERROR_CONTENT = {"application/problem+json": {"schema": Error}}
