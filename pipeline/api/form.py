"""A form with a recording and its media, `multipart/form-data`: read as a stream, in whatever order it comes.

Invariants: of the media no more is in memory than was read at once. A call that comes before its media is
checked before that is read. A form that ends before its end leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from pipeline.api.body import Stream, too_large
from pipeline.api.problem import Refused
from pipeline.api.uploads import Incoming, Uploads
from pipeline.call import check_call, decode_call
from pipeline.errors import CallInvalid, Problem
from pipeline.recording import RECORDING_MAX_BYTES

PIECE_BYTES = 1 << 18
FORM_OVERHEAD_MAX_BYTES = 1 << 16
PARTS = ("call", "media")


@dataclass(frozen=True, slots=True)
class Received:
    """A form that was received: its call, checked, and its media, not kept yet."""

    call: dict[str, Any]
    media: Incoming


@contextmanager
def received(stream: Stream, boundary: str, uploads: Uploads) -> Iterator[Received]:
    """Receive a form; what the block does not keep of its media is gone with it.

    Raises:
        Refused: 400 for what is no form, or ends before its end; 413 for what is too large; 422 for parts
            that are missing, unknown or there twice.
        CallInvalid: With a problem for each field of the call.
    """
    with ExitStack() as stack:
        parts = _Parts(uploads, stack)
        try:
            for event in _events(stream, boundary):
                parts.take(event)
        except MultipartError as error:
            raise Refused(400, "form_malformed", f"The form cannot be read: {error}.") from error
        yield parts.complete()


class _Parts:
    """The parts of a form as they come."""

    def __init__(self, uploads: Uploads, stack: ExitStack) -> None:
        self._uploads = uploads
        self._stack = stack
        self._name = ""
        self._text = b""
        self._call: dict[str, Any] | None = None
        self._media: Incoming | None = None

    def take(self, event: MultipartSegment | bytearray | bytes | None) -> None:
        """Take what comes next: the head of a part, some of its bytes, or its end."""
        if isinstance(event, MultipartSegment):
            self._begin(event.name)
        elif event is None:
            self._end()
        elif self._name == "media" and self._media:
            self._media.write(event)
        else:
            self._text += event
            if len(self._text) > RECORDING_MAX_BYTES:
                raise too_large(RECORDING_MAX_BYTES, "The call")

    def complete(self) -> Received:
        """Give the form when all of it is there."""
        if self._call is None:
            raise _wrong("call", "is missing: the part with the call as JSON")
        if self._media is None:
            raise _wrong("media", "is missing: the part with the file")
        return Received(self._call, self._media)

    def _begin(self, name: str) -> None:
        if name not in PARTS:
            raise _wrong(name, "is not known here: a form has the parts 'call' and 'media'")
        if (self._call if name == "call" else self._media) is not None:
            raise _wrong(name, "is there twice")
        self._name = name
        if name == "media":
            self._media = self._stack.enter_context(self._uploads.receiving())

    def _end(self) -> None:
        if self._name == "call":
            self._call = _read(self._text)


def _read(text: bytes) -> dict[str, Any]:
    call = decoded(text)
    check_call(call, has_media=True)
    return call


def decoded(text: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Raises:
        Refused: 400 for what is none.
    """
    try:
        return decode_call(text)
    except CallInvalid as error:
        raise Refused(400, "not_json", f"The body {error}.", problems=error.problems) from error


def _events(stream: Stream, boundary: str) -> Iterator[MultipartSegment | bytearray | bytes | None]:
    """Give what the form says, as it comes.

    Raises:
        MultipartError: It is no form.
    """
    with PushMultipartParser(boundary, max_segment_count=len(PARTS) + 1) as parser:
        while not parser.closed and (piece := stream.read(PIECE_BYTES)):
            yield from parser.parse(piece)


def _wrong(part: str, message: str) -> Refused:
    problem = Problem(part, message)
    return Refused(422, "form_incomplete", f"The form's part {problem}.", problems=[problem])
