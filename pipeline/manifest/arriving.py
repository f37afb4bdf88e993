"""The lines of a stream that may pause: handed on as they come, however few they are.

Invariants: no line waits for the next one, and no line takes more than MAX_ROW_BYTES of memory. What a line
means is left to `jsonl`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pipeline.manifest.lines import MAX_LINE_BYTES, Line, without_line_end
from pipeline.manifest.row import MAX_ROW_BYTES

READ_BYTES = 1 << 18


class Pausing(Protocol):
    """What tells bytes that are there from bytes that may come."""

    def read1(self, size: int = -1, /) -> bytes:
        """Read what is there; wait only if nothing is; nothing at the end."""


def arriving_lines(stream: Pausing) -> Iterator[list[Line]]:
    """Yield the lines that are there, as often as some have come whole; the last one may lack its end."""
    number, begun = 0, b""
    while content := stream.read1(READ_BYTES):
        *whole, begun = (begun + content).split(b"\n")
        # Of a line that is too long the beginning is enough to know it by.
        begun = begun[:MAX_LINE_BYTES]
        if whole:
            yield [_line(number + place, each + b"\n") for place, each in enumerate(whole, 1)]
            number += len(whole)
    if begun:
        yield [_line(number + 1, begun)]


def _line(number: int, content: bytes) -> Line:
    return Line(number, content[:MAX_LINE_BYTES], len(without_line_end(content)) > MAX_ROW_BYTES)
