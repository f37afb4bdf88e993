"""Messages in Celery's protocol, as its clients in any language put them into Redis.

Invariants: nothing but JSON is read, and nobody's pickle is opened. A message is a task's call with its
arguments; what its sender asks of Celery beside that (eta, expires, retries, links, results) is not heeded:
when a recording is brought in is for the ledger to say. Pure.
Both versions of the protocol are read: in version 2 the headers name the task and the body is
`[args, kwargs, embed]`, in version 1 the body is an object with everything.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.call import decode_value
from pipeline.client import LIVE_BATCH
from pipeline.errors import CallInvalid, MessageMalformed, Problem
from pipeline.intake import MESSAGE_MAX_BYTES, Message, Request
from pipeline.job import BATCH_NAME_MAX_CHARACTERS, Lane, is_batch_name

# Systems of other people send to them, so these names never change.
INTAKE, SUBMIT = "intake", "calls.submit"
# As kombu names the lists of a queue by priority, the most urgent one first.
LISTS = tuple(f"celery:{INTAKE}{suffix}" for suffix in ("", "\x06\x163", "\x06\x166", "\x06\x169"))
# The task's parameters, in their order.
PARAMETERS = ("call", "media", "lane", "batch")


class _Called(NamedTuple):
    """A task's call; whatever was sent stands in it."""

    task: object
    args: object
    kwargs: object


def read_message(message: Message) -> Request:
    """Read a message that calls `calls.submit`.

    Raises:
        MessageMalformed: It has another form, or the arguments are not those of the task.
    """
    text = message.text
    try:
        if message.size_bytes > MESSAGE_MAX_BYTES:
            raise _wrong("", f"the message is longer than {MESSAGE_MAX_BYTES >> 20} MiB")
        envelope = _object(decode_value(_plain(text)), "the message")
        text = _body_of(envelope)
        called = _called(envelope, decode_value(text))
        arguments = _arguments(called)
    except CallInvalid as refused:
        raise MessageMalformed(*refused.problems, text=text) from None
    return _request(arguments, text)


def _plain(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _body_of(envelope: Mapping[str, Any]) -> str:
    """Give the body as text."""
    kind = envelope.get("content-type")
    if kind != "application/json":
        raise _wrong("content-type", f"must be application/json, not {_shown(kind)}")
    encoding = envelope.get("content-encoding")
    if not isinstance(encoding, str) or encoding.lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise _wrong("content-encoding", f"must be utf-8, not {_shown(encoding)}")
    if compression := _object(envelope.get("headers") or {}, "headers").get("compression"):
        raise _wrong("headers.compression", f"must be left out: {_shown(compression)} is not read")
    body = envelope.get("body")
    if not isinstance(body, str):
        raise _wrong("body", "must be text")
    properties = _object(envelope.get("properties") or {}, "properties")
    if properties.get("body_encoding") != "base64":
        return body
    try:
        return base64.b64decode(body, validate=True).decode()
    except (binascii.Error, ValueError):
        raise _wrong("body", "must be UTF-8 in base64, as properties.body_encoding says") from None


def _called(envelope: Mapping[str, Any], body: object) -> _Called:
    headers = _object(envelope.get("headers") or {}, "headers")
    match body:
        case [args, kwargs, *_] if "task" in headers:
            return _Called(headers["task"], args, kwargs)
        case {"task": task, **rest}:
            return _Called(task, rest.get("args") or [], rest.get("kwargs") or {})
    raise _wrong(
        "body", "must be [args, kwargs, embed] with headers.task, or an object with task, args and kwargs"
    )


def _arguments(called: _Called) -> dict[str, Any]:
    """Give the arguments by the names of the task's parameters."""
    if called.task != SUBMIT:
        raise _wrong("task", f"must be {SUBMIT}, not {_shown(called.task)}")
    if not isinstance(called.args, Sequence) or isinstance(called.args, str):
        raise _wrong("args", "must be a list")
    if len(called.args) > len(PARAMETERS):
        raise _wrong("args", f"must be at most {len(PARAMETERS)}: {', '.join(PARAMETERS)}")
    arguments = dict(zip(PARAMETERS, called.args, strict=False))
    for name, value in _object(called.kwargs, "kwargs").items():
        if name in arguments:
            raise _wrong(name, "is given twice, in args and in kwargs")
        arguments[name] = value
    return arguments


def _request(arguments: dict[str, Any], text: str) -> Request:
    lane, batch = arguments.pop("lane", None) or Lane.LIVE, arguments.pop("batch", None) or LIVE_BATCH
    problems = []
    if lane not in list(Lane):
        problems.append(Problem("lane", f"must be {' or '.join(Lane)}, not {_shown(lane)}"))
    if not isinstance(batch, str) or not is_batch_name(batch):
        at_most = BATCH_NAME_MAX_CHARACTERS
        problems.append(Problem("batch", f"must be a printable name of 1 to {at_most} characters"))
    if problems:
        raise MessageMalformed(*problems, text=text, call=arguments.get("call"))
    if arguments.get("media") is None:
        # As in Python, where it is the parameter's default.
        arguments.pop("media", None)
    return Request(arguments, batch, Lane(lane), text)


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(name, "must be an object")
    return value


def _wrong(field: str, message: str) -> CallInvalid:
    return CallInvalid((Problem(field, message),))


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
