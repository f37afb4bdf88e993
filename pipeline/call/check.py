"""The check of a call: schema and rules, in one list of problems.

Invariant: the same call is refused with the same problems in the same order: those of the schema as the
fields stand in the document, unknown fields after the known ones of their object, then those of the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.call.body import encode_call, is_sendable
from pipeline.call.rules import problems_by_rules
from pipeline.call.schema import CALL_SCHEMA
from pipeline.call.takes import taker_of
from pipeline.call.texts import path_below, shown
from pipeline.errors import CallInvalid, Problem

Call = Mapping[str, Any]
"""The decoded body of `POST /v2/calls`, as given."""

_takes = taker_of(CALL_SCHEMA)


def check_call(call: object, *, has_media: bool | None = None, sendable: bool = False) -> None:
    """Refuse a call that breaks the document's rules; the call is not changed.

    Args:
        call: The decoded body of `POST /v2/calls`.
        has_media: True: media is given beside the call, so a downloadMediaUrl is refused. False: none is,
            so a downloadMediaUrl is required. None: not known.
        sendable: Whether every text in it is known to be one that can be sent, by where it was read: to find
            that out takes a third of the check.

    Raises:
        CallInvalid: Something is wrong; a problem for each field.
    """
    if not (sendable and isinstance(call, Mapping) and _takes(call)):
        _written_if_right(call, has_media=has_media)
    elif problems := tuple(problems_by_rules(call, has_media=has_media)):
        raise CallInvalid(problems)


def checked_body(call: Call, *, has_media: bool | None = None) -> str:
    """Check a call as `check_call` does, and return the body as it will be sent.

    Raises:
        CallInvalid: Something is wrong; a problem for each field.
    """
    body = _written_if_right(call, has_media=has_media)
    return encode_call(call) if body is None else body


def _written_if_right(call: object, *, has_media: bool | None) -> str | None:
    """Check a call; give its body where that was written on the way."""
    if not isinstance(call, Mapping):
        raise CallInvalid((Problem("", f"must be an object, {{…}}, not {shown(call)}"),))
    body = _written(call) if _takes(call) else None
    messages = {} if body is not None else CALL_SCHEMA.validate(call)
    problems = (*_problems("", messages), *problems_by_rules(call, has_media=has_media))
    if problems:
        raise CallInvalid(problems)
    return body


def _written(call: Call) -> str | None:
    """Write a call that was taken; None if one of its texts may not be sendable."""
    body = encode_call(call)
    return body if is_sendable(body) else None


def _problems(path: str, messages: object) -> Iterator[Problem]:
    """Yield marshmallow's messages, nested by field and index, with their dotted paths."""
    if isinstance(messages, dict):
        for name, below in messages.items():
            yield from _problems(path_below(path, name), below)
    elif isinstance(messages, list):
        for message in messages:
            yield Problem(path, message)
