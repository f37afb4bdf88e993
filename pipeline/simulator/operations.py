"""The operations of the API: from the headers of a request over the bytes of its body to its answer.

An operation is made when the headers have been read, and takes the body as it arrives. Making and feeding it
raise `Refused` as soon as the answer is known. The upload of media, the longest, has a module of its own.

Invariant: nothing of the company changes before `finish`. So a request that is broken off has no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Protocol

from pipeline.simulator import answers
from pipeline.simulator.answers import Answer, Refused
from pipeline.simulator.state import Company

MAX_JSON_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What is known of a request when its headers have been read. Header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        """The type of the body, in lower case and without parameters."""
        message = Message()
        message["Content-Type"] = self.headers.get("content-type", "application/octet-stream")
        return message.get_content_type()

    @property
    def content_length(self) -> int:
        """The length of the body in bytes, 0 when it is not known."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isdecimal() else 0


class Operation(Protocol):
    """One request to one endpoint."""

    def take(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""

    def finish(self) -> Answer:
        """Carry the operation out: the body is complete."""


class Read:
    """Any GET: the answer comes from a listing, and nothing changes."""

    def __init__(self, read: Callable[[], Answer]) -> None:
        self._read = read

    def take(self, chunk: bytes) -> None:
        """Leave the bytes unread: a GET means nothing by a body."""

    def finish(self) -> Answer:
        """Answer from the listing."""
        return self._read()


class CreateCall:
    """POST /v2/calls."""

    def __init__(self, company: Company, request: Request) -> None:
        if request.content_type != "application/json":
            text = f"The Content-Type must be application/json, not {request.content_type}"
            raise Refused(answers.failed(415, text))
        self._company = company
        self._body = bytearray()

    def take(self, chunk: bytes) -> None:
        """Keep the next bytes of the body."""
        self._body += chunk
        if len(self._body) > MAX_JSON_BYTES:
            raise Refused(answers.failed(413, f"The body is larger than {MAX_JSON_BYTES} bytes"))

    def finish(self) -> Answer:
        """Create the call."""
        return self._company.create_call(bytes(self._body))
