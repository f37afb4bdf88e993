"""The physical lines of a manifest, read as a stream.

Invariants: no line takes more than MAX_ROW_BYTES of memory, whatever its length; lines can be given back, and
come again in their order.
What the bytes were before they were UTF-8 is left to `opening`, what a line means to `jsonl` and `table`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.errors import ManifestUnreadable
from pipeline.manifest.opening import DAMAGED, Readable, reason_of
from pipeline.manifest.row import MAX_ROW_BYTES

MAX_LINE_BYTES = MAX_ROW_BYTES + len(b"\r\n")
"""What is kept of a line at most: a row and its line end."""


class Line(NamedTuple):
    """One physical line.

    Attributes:
        number: Its place in the file, counted from 1.
        content: Its bytes with the line end; of a line that is too long, only the beginning.
        too_long: Whether it has more than MAX_ROW_BYTES.
    """

    number: int
    content: bytes
    too_long: bool

    @property
    def blank(self) -> bool:
        """Whether nothing but white space stands in the line."""
        return not self.too_long and not self.content.strip()


class Lines(Iterator[Line]):
    """The lines of one stream, one after another."""

    def __init__(self, stream: Readable, name: str) -> None:
        self._stream = stream
        self._name = name
        self._number = 0
        self._given_back: deque[Line] = deque()

    def __next__(self) -> Line:
        if self._given_back:
            return self._given_back.popleft()
        content = self._read()
        if not content:
            raise StopIteration
        self._number += 1
        too_long = len(without_line_end(content)) > MAX_ROW_BYTES
        if len(content) == MAX_LINE_BYTES and not content.endswith(b"\n"):
            self._skip_rest_of_line()
        return Line(self._number, content, too_long)

    def give_back(self, lines: Sequence[Line]) -> None:
        """Let these lines come again, before all others."""
        self._given_back.extendleft(reversed(lines))

    def _skip_rest_of_line(self) -> None:
        while (content := self._read()) and not content.endswith(b"\n"):
            pass

    def _read(self) -> bytes:
        try:
            return self._stream.readline(MAX_LINE_BYTES)
        except (OSError, *DAMAGED) as error:
            raise ManifestUnreadable(
                f"{self._name} could not be read beyond line {self._number}: {reason_of(error)}."
            ) from error


def without_line_end(content: bytes) -> bytes:
    """Return a line's bytes without the line feed at their end, and the carriage return before it."""
    return content.removesuffix(b"\n").removesuffix(b"\r") if content.endswith(b"\n") else content


def problem_of_bytes(content: bytes) -> str | None:
    """Return why these bytes are no text, or None if they are: NUL bytes, or not UTF-8."""
    if b"\0" in content:
        return f"has a NUL byte at position {content.index(0) + 1}: it was cut off, or is not UTF-8"
    try:
        content.decode()
    except UnicodeDecodeError as error:
        place = f"byte 0x{content[error.start]:02x} at position {error.start + 1}"
        return f"is not UTF-8: {place} (a file of another encoding is read with --encoding)"
    return None
