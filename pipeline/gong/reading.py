"""From the library's response to an Answer: bounded, and never more certain than what arrived."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from urllib3.exceptions import HTTPError

from pipeline.gong.incoming import Incoming
from pipeline.outcome import MESSAGE_MAX_CHARACTERS, Answer

ANSWER_MAX_BYTES = 1 << 20
"""The longest real answer, a page of 100 users, has some 200 kB."""

PAGE_MAX_BYTES = 1 << 12
"""What is read of a page in search of words: enough for the head of one."""

_MARKUP = re.compile(r"<(style|script)\b.*?(?:</\1>|\Z)|<[^>]*>", re.DOTALL | re.IGNORECASE)
_CALL_ID = re.compile(r"[0-9]{1,20}")


def read_answer(response: Incoming) -> Answer:
    """Read an answer's body; raise nothing, whatever the body is and wherever it breaks off."""
    content, whole = _content(response)
    body = _json_object(content) if whole else None
    found: Mapping[str, Any] = body or {}
    call_id = _text(found.get("callId"))
    return Answer(
        status=response.status,
        request_id=_text(found.get("requestId")),
        call_id=call_id if call_id and _CALL_ID.fullmatch(call_id) else None,
        url=_text(found.get("url")),
        messages=_messages(found.get("errors")) if body is not None else _beginning(content),
        retry_after=response.headers.get("Retry-After"),
        complete=body is not None,
        body=found,
        location=response.headers.get("Location"),
        date=response.headers.get("Date"),
    )


def _content(response: Incoming) -> tuple[bytes, bool]:
    """Return what arrived, and whether that is all."""
    content = bytearray()
    try:
        for block in response.blocks():
            content += block
            if len(content) > ANSWER_MAX_BYTES:
                return bytes(content), False
    except (HTTPError, OSError):
        return bytes(content), False
    return bytes(content), True


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _messages(errors: object) -> tuple[str, ...]:
    if isinstance(errors, str):
        return (errors,)
    listed = errors if isinstance(errors, list) else []
    return tuple(each if isinstance(each, str) else json.dumps(each) for each in listed)


def _beginning(content: bytes) -> tuple[str, ...]:
    """Return the beginning of what is no answer of the API: it tells a person who answered instead.

    Of a page only the words are kept.
    """
    text = _MARKUP.sub(" ", content[:PAGE_MAX_BYTES].decode(errors="replace"))
    text = " ".join(text.split())[:MESSAGE_MAX_CHARACTERS]
    return (text,) if text else ()
