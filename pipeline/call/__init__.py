"""Calls: the body of `POST /v2/calls`, what may stand in it, and the text that is sent.

Invariants: a call is checked, never rewritten: times keep their offset, numbers the form in which they were
written, ids stay text, keys keep their order. A call that is refused is refused with every field at once.
A field that is absent is left out; `null` is not a way to leave it out. Nothing here makes a request.

    schema      every field of the document with its type, bounds and values; `fields` has the types,
                `texts` what may stand in a text, `languages` the language codes
    rules       what the document's prose says of several fields together
    check       both of them, in one list of problems; `takes` is its short way to a call that is right
    body        from JSON text to a call and back
    nearest     the name that was probably meant

Whether the media can be brought in, and whether ids exist in Gong, is left to others.
"""

from pipeline.call.body import (
    WrittenNumber,
    decode_call,
    decode_value,
    encode_call,
    written_float,
    written_integer,
)
from pipeline.call.check import Call, check_call, checked_body
from pipeline.call.fields import Kind
from pipeline.call.nearest import nearest_field
from pipeline.call.rules import is_address
from pipeline.call.schema import kind_of

__all__ = [
    "Call",
    "Kind",
    "WrittenNumber",
    "check_call",
    "checked_body",
    "decode_call",
    "decode_value",
    "encode_call",
    "is_address",
    "kind_of",
    "nearest_field",
    "written_float",
    "written_integer",
]
