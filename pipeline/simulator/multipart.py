"""An incremental parser of multipart/form-data (RFC 7578, RFC 2046); pure.

Bytes go in as they arrive, in pieces of any size; parts come out as they are recognised. What is kept between
two pieces is less than a delimiter or one block of part headers, so memory does not grow with the size of a
part.

Invariant: how the body was cut into pieces decides only how the content of a part is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

MAX_PART_HEADERS_BYTES = 16 * 1024
MAX_PADDING_BYTES = 256


class MultipartInvalid(ValueError):
    """The body is not what multipart/form-data says it should be; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class PartStart:
    """The headers of a part: its name and file name, None where there is none, and its content type."""

    name: str | None
    file_name: str | None
    content_type: str


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The content of the part is complete: its delimiter was seen."""


Event = PartStart | bytes | PartEnd
Step = tuple[Event | None, bytes, bool]


def boundary_of(content_type: str) -> bytes:
    """Return the boundary named in a Content-Type header.

    Raises:
        MultipartInvalid: It names none, or one that RFC 2046 does not allow (1 to 70 characters).
    """
    boundary = _parse_headers(f"Content-Type: {content_type}").get_boundary("")
    if not 1 <= len(boundary) <= 70 or not boundary.isascii():
        raise MultipartInvalid("The Content-Type must name a boundary of 1 to 70 characters.")
    return boundary.encode("ascii")


class MultipartParser:
    """Parses one body. Feed it until the body ends, then `close` it."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        # The first delimiter may stand at the very start; with a line break before it, it is like all others.
        self._kept = b"\r\n"
        self._read: Callable[[bytes], Step] = self._read_preamble

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take the next bytes and yield what they complete.

        Raises:
            MultipartInvalid: The bytes cannot belong to such a body.
        """
        data = self._kept + data
        self._kept = b""
        while data:
            event, rest, more = self._read(data)
            if event is not None:
                yield event
            if not more:
                self._kept = rest
                return
            data = rest

    def close(self) -> None:
        """Declare the body complete.

        Raises:
            MultipartInvalid: The closing delimiter did not come.
        """
        if self._read != self._read_epilogue:
            raise MultipartInvalid("The multipart body ends before its closing boundary.")

    # Each of these takes what there is and returns an event, the bytes left, and whether to go on with them.

    def _read_preamble(self, data: bytes) -> Step:
        found = data.find(self._delimiter)
        if found < 0:
            return None, data[1 - len(self._delimiter) :], False
        self._read = self._read_delimiter_end
        return None, data[found + len(self._delimiter) :], True

    def _read_delimiter_end(self, data: bytes) -> Step:
        """Read what follows a delimiter: `--` after the last, else optional blanks and a line break."""
        if data.startswith(b"--"):
            self._read = self._read_epilogue
            return None, b"", False
        rest = data.lstrip(b" \t")
        if rest.startswith(b"\r\n"):
            self._read = self._read_part_headers
            return None, rest, True
        if data != b"-" and (rest not in (b"", b"\r") or len(data) > MAX_PADDING_BYTES):
            raise MultipartInvalid(
                "A boundary must be followed by a line break, or by '--' after the last part."
            )
        return None, data, False

    def _read_part_headers(self, data: bytes) -> Step:
        """Read from the delimiter's line break to the empty line: so a part may have no headers."""
        end = data.find(b"\r\n\r\n")
        if end > MAX_PART_HEADERS_BYTES or (end < 0 and len(data) > MAX_PART_HEADERS_BYTES):
            raise MultipartInvalid(f"The headers of a part are longer than {MAX_PART_HEADERS_BYTES} bytes.")
        if end < 0:
            return None, data, False
        self._read = self._read_content
        return _part_start(data[2:end]), data[end + 4 :], True

    def _read_content(self, data: bytes) -> Step:
        found = data.find(self._delimiter)
        if found > 0:
            return data[:found], data[found:], True
        if found == 0:
            self._read = self._read_delimiter_end
            return PartEnd(), data[len(self._delimiter) :], True
        # Only what may start a delimiter is kept back; mostly that is nothing, and nothing is copied.
        held = data.find(b"\r", max(0, len(data) - len(self._delimiter) + 1))
        if held < 0:
            return data, b"", False
        return data[:held] or None, data[held:], False

    def _read_epilogue(self, _data: bytes) -> Step:
        return None, b"", False


def _parse_headers(text: str) -> Message:
    return HeaderParser().parsestr(text, headersonly=True)


def _part_start(block: bytes) -> PartStart:
    message = _parse_headers(block.decode("utf-8", "replace"))
    disposition = message.get("Content-Disposition", "")
    if disposition.partition(";")[0].strip().lower() != "form-data":
        raise MultipartInvalid("A part has no Content-Disposition 'form-data'.")
    name = message.get_param("name", header="Content-Disposition")
    return PartStart(
        name=name if isinstance(name, str) else None,
        file_name=message.get_filename(),
        content_type=message.get_content_type(),
    )
