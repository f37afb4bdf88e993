"""What a manifest's bytes are before they are lines: compressed or not, in this or that encoding.

Invariants: whatever comes out is UTF-8, read as a stream and never from its beginning again, so that a pipe
will do. An encoding is told by a byte order mark or by choice, never guessed: a guess that is wrong for one
file in a hundred brings wrong names into Gong, and nobody sees it.

Bytes that are none of the encoding's come out as bytes that are not UTF-8, so that they cost their row alone.
Compression is told by the first bytes, which no text begins with.
"""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from pipeline.errors import ManifestUnreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STANDARD_INPUT = Path("-")
COMPRESSED_ENDINGS = (".gz", ".zst")
DAMAGED = (EOFError, zlib.error, zstd.ZstdError, UnicodeDecodeError)
"""What reading raises, beside OSError, when the bytes are cut off or damaged."""

_BLOCK_BYTES = 1 << 16
_HEAD_BYTES = 4
_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_ZIP = b"PK\x03\x04"
# Those of four bytes first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# They are encodings of Python, but not of files.
_NOT_OF_FILES = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf_7"})


class Readable(Protocol):
    """What the lines are read from."""

    def readline(self, size: int, /) -> bytes:
        """Read on to the end of the line, at most `size` bytes; empty only at the end."""


def name_of(path: Path | IO[bytes]) -> str:
    """Return what a manifest is called in a sentence."""
    if path == STANDARD_INPUT:
        return "Standard input"
    return str(path if isinstance(path, Path) else getattr(path, "name", "The manifest"))


def check_encoding(name: str) -> None:
    """Refuse a name that is no encoding of texts.

    Raises:
        ManifestUnreadable: Python knows no such encoding, or it is none that files have.
    """
    try:
        known = codecs.lookup(name).name
        known.encode(name)  # refuses what turns bytes into bytes, such as base64
    except (LookupError, UnicodeError, ValueError):
        known = "undefined"
    if known.replace("-", "_") in _NOT_OF_FILES:
        raise ManifestUnreadable(
            f"The encoding {name!r} is not known; some that are: utf-8, utf-16, latin-1, cp1252, shift_jis."
        )


@contextmanager
def opened(path: Path | IO[bytes], encoding: str | None = None) -> Iterator[Readable]:
    """Open a manifest, undo its compression, and give its bytes as UTF-8 without a byte order mark.

    Args:
        path: The manifest, or `-` for standard input, or a stream of bytes; only a file that was opened
            here is closed here.
        encoding: That of a manifest without a byte order mark; a mark goes before it. UTF-8 when left out.

    Raises:
        ManifestUnreadable: It is missing, is no file, cannot be read, is an archive; or the encoding is not
            known.
    """
    if encoding is not None:
        check_encoding(encoding)
    if isinstance(path, Path) and path != STANDARD_INPUT:
        with _file(path) as stream:
            yield _text(stream, name_of(path), encoding)
    else:
        yield _text(sys.stdin.buffer if isinstance(path, Path) else path, name_of(path), encoding)


def _file(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise ManifestUnreadable(
            f"There is no manifest {path} (the current folder is {Path.cwd()})."
        ) from error
    except IsADirectoryError as error:
        raise ManifestUnreadable(f"{path} is a folder; name the manifest in it.") from error
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        reason = error.strerror if isinstance(error, OSError) else error
        raise ManifestUnreadable(f"{path} cannot be read: {reason}.") from error


def _text(stream: IO[bytes], name: str, encoding: str | None) -> Readable:
    """Take off what a stream is wrapped in."""
    ahead = _Ahead(stream, name)
    if ahead.head.startswith(_ZIP):
        raise ManifestUnreadable(
            f"{name} is a ZIP archive or a workbook of a spreadsheet; unpack it, or save the sheet as CSV."
        )
    if ahead.head.startswith(_GZIP):
        ahead = _Ahead(_buffered(gzip.GzipFile(fileobj=_buffered(ahead), mode="rb")), name)
    elif ahead.head.startswith(_ZSTANDARD):
        ahead = _Ahead(_buffered(zstd.ZstdFile(_buffered(ahead), mode="rb")), name)
    mark, of_mark = next(
        (each for each in _MARKS if ahead.head.startswith(each[0])), (b"", encoding or "utf-8")
    )
    ahead.drop(len(mark))
    named = codecs.lookup(of_mark).name
    if named in {"utf-8", "utf-8-sig"}:
        return ahead
    # Without a mark, the order of the bytes is that of nearly all machines.
    return _buffered(_Transcoded(ahead, f"{named}-le" if named in {"utf-16", "utf-32"} else named))


def _buffered(raw: io.RawIOBase | gzip.GzipFile | zstd.ZstdFile) -> io.BufferedReader:
    # A GzipFile and a ZstdFile are read like raw streams, though their classes say otherwise.
    return io.BufferedReader(raw, _BLOCK_BYTES)


class _Ahead(io.RawIOBase):
    """A stream whose first bytes were read, and come all the same."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream = stream
        try:
            self.head = self._begin()
        except (OSError, *DAMAGED) as error:
            raise ManifestUnreadable(f"{name} could not be read: {reason_of(error)}.") from error

    def _begin(self) -> bytes:
        """Read a first piece, up to a line end so that no pipe is waited for longer than its first line."""
        head = b""
        while len(head) < _HEAD_BYTES and (more := self._stream.readline(_BLOCK_BYTES)):
            head += more
        return head

    def drop(self, size_bytes: int) -> None:
        """Leave the next bytes out; they are in the piece that was read."""
        self.head = self.head[size_bytes:]

    def readable(self) -> bool:
        """Tell the buffer that it may read."""
        return True

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read on to the end of the line."""
        if not self.head:
            return self._stream.readline(-1 if size is None else size)
        end = self.head.find(b"\n") + 1 or len(self.head)
        if size is not None and 0 <= size < end:
            end = size
        line, self.head = self.head[:end], self.head[end:]
        if self.head or line.endswith(b"\n") or len(line) == size:
            return line
        return line + self._stream.readline(-1 if size is None or size < 0 else size - len(line))

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # the stub names no type
        """Read some bytes."""
        content = self.head[: len(buffer)] or self._stream.read(len(buffer))
        self.head = self.head[len(content) :]
        buffer[: len(content)] = content
        return len(content)


class _Transcoded(io.RawIOBase):
    """A stream of another encoding as UTF-8."""

    def __init__(self, stream: io.RawIOBase, encoding: str) -> None:
        self._stream = stream
        # Halves of surrogate pairs are all that can be wrong in UTF-16 but a cut-off end; of other
        # encodings the bytes themselves are kept. Both come out as bytes that are not UTF-8.
        self._errors = "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(self._errors)
        self._pending = b""
        self._ended = False

    def readable(self) -> bool:
        """Tell the buffer that it may read."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # the stub names no type
        """Read some bytes of UTF-8."""
        while not self._pending and not self._ended:
            block = self._stream.read(_BLOCK_BYTES) or b""
            self._ended = not block
            text = self._decoder.decode(block, self._ended)
            self._pending = text.encode("utf-8", self._errors)
        content = self._pending[: len(buffer)]
        self._pending = self._pending[len(content) :]
        buffer[: len(content)] = content
        return len(content)


def reason_of(error: Exception) -> str:
    """Return why a stream could not be read on, as the end of a sentence."""
    if isinstance(error, UnicodeDecodeError):
        return f"it ends in the middle of a character of {error.encoding}"
    if isinstance(error, EOFError | zlib.error | zstd.ZstdError):
        return f"it is compressed, and cut off or damaged ({error})"
    return str((error.strerror if isinstance(error, OSError) else None) or error)
