"""The body of a request: of a known form, read with a bound, or as a stream that may pause."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from flask import Request

from pipeline.api.problem import Refused

FEWEST_BYTES, MOST_BYTES = 1 << 10, 1 << 16
# What comes that fast is read in larger pieces.
FAST_S = 0.02


def refuse_other_types(asked: Request, known: Collection[str]) -> None:
    """Refuse a body of another type than these, in another encoding, or packed.

    Raises:
        Refused: 415.
    """
    if asked.mimetype not in known:
        what = asked.mimetype or "none"
        raise Refused(415, "media_type_unknown", f"Content-Type must be {' or '.join(known)}, not {what}.")
    charset = asked.mimetype_params.get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8"}:
        raise Refused(415, "media_type_unknown", f"The text must be UTF-8, not {charset}.")
    packing = asked.headers.get("Content-Encoding", "identity")
    if packing != "identity":
        raise Refused(415, "media_type_unknown", f"The body must not be packed with {packing}.")


def refuse_large(asked: Request, most_bytes: int, what: str) -> None:
    """Refuse a body of which is known that it is too large.

    Raises:
        Refused: 413.
    """
    if (asked.content_length or 0) > most_bytes:
        raise too_large(most_bytes, what)


def too_large(most_bytes: int, what: str) -> Refused:
    """Give the refusal of what is larger than it may be."""
    return Refused(413, "too_large", f"{what} may have {most_bytes:,} bytes at most.")


class Stream:
    """The bytes of a request's body, of which none may be lacking.

    Every method raises `Refused`, 400, when the client breaks off, and 408 when it takes too long.
    """

    def __init__(self, asked: Request) -> None:
        self._input: Any = asked.environ["wsgi.input"]
        self._length = asked.content_length
        self._piece_bytes = FEWEST_BYTES
        self.received_bytes = 0

    def read(self, size: int) -> bytes:
        """Read as many bytes as are asked for; fewer only at the end."""
        try:
            content: bytes = self._input.read(size)
        except TimeoutError as error:
            raise Refused(408, "too_slow", str(error)) from error
        except (OSError, ValueError) as error:
            raise _cut_off() from error
        except Exception as error:
            # The server's own errors of a chunk that is none, or has no end, are of no common kind.
            if type(error).__module__.partition(".")[0] != "gunicorn":
                raise
            raise _cut_off() from error
        self.received_bytes += len(content)
        if len(content) < size and self._length is not None and self.received_bytes < self._length:
            raise _cut_off()
        return content

    def read_whole(self, most_bytes: int, what: str) -> bytes:
        """Read all of it.

        Raises:
            Refused: It is longer than this.
        """
        content = self.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise too_large(most_bytes, what)
        return content

    def read1(self, size: int = -1, /) -> bytes:
        """Read a little of what comes slowly, and more of what comes fast; `size` is not looked at."""
        del size
        began = time.monotonic()
        content = self.read(self._piece_bytes)
        is_fast = time.monotonic() - began < FAST_S
        self._piece_bytes = min(2 * self._piece_bytes, MOST_BYTES) if is_fast else FEWEST_BYTES
        return content


def _cut_off() -> Refused:
    return Refused(400, "cut_off", "The body ended before its end.")
