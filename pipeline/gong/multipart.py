"""The body of an upload: one part named `mediaFile` (`openapi.json`), streamed, of a length known before.

Form: RFC 7578. Nothing of the media is held but the block that is being sent.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from pipeline.errors import MediaRefused
from pipeline.gong.exchange import BodyFailed
from pipeline.gong.pace import Pace

BLOCK_BYTES = 1 << 20
"""Measured: blocks of 16 KiB, the libraries' default, cost most of the speed on one core."""


PIECE_MAX_BYTES = 1 << 17
"""A body of so much media is sent in one piece: to copy it costs less than to look after three."""


class Stream(Protocol):
    """What is uploaded: read once, from its start to its end."""

    @property
    def size_bytes(self) -> int:
        """How much it will give in all."""

    def read(self, size: int, /) -> bytes:
        """Read on, at most `size` bytes; empty only at the end."""


class MultipartBody:
    """An iterable of blocks with a length, which is what requests streams as it is."""

    def __init__(
        self,
        stream: Stream,
        *,
        file_name: str,
        content_type: str,
        on_bytes: Callable[[int], None] | None,
        pace: Pace,
    ) -> None:
        if not re.fullmatch(r"[a-z]+/[a-z0-9][a-z0-9.+-]*", content_type):
            raise ValueError(f"{content_type!r} is not a content type")
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._stream = stream
        self._on_bytes = on_bytes
        self._pace = pace
        self._sent = 0
        disposition = f'form-data; name="mediaFile"; filename="{_safe(file_name)}"'
        self._head = (
            f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {content_type}\r\n\r\n"
        ).encode("ascii")
        self._tail = f"\r\n--{boundary}--\r\n".encode("ascii")

    def __len__(self) -> int:
        """Return the length of the whole body, in bytes."""
        return len(self._head) + self._stream.size_bytes + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        """Give the body, block by block; the last is withheld if the media is not as long as was said."""
        if self._stream.size_bytes <= PIECE_MAX_BYTES:
            yield self._whole()
            self._sent = self._stream.size_bytes
            self.tell_watcher()
            return
        yield self._head
        sent = 0
        while block := self._read():
            sent += len(block)
            self._refuse_length(sent, at_end=False)
            yield block
            self._sent = sent
            self.tell_watcher()
        self._refuse_length(sent, at_end=True)
        yield self._tail

    def _whole(self) -> bytes:
        """Give a small body in one piece."""
        blocks = [self._head]
        while block := self._read():
            blocks.append(block)
            self._refuse_length(sum(map(len, blocks[1:])), at_end=False)
        self._refuse_length(sum(map(len, blocks[1:])), at_end=True)
        return b"".join([*blocks, self._tail])

    def _read(self) -> bytes:
        began_s = time.monotonic()
        try:
            return self._stream.read(BLOCK_BYTES)
        except Exception as error:
            raise BodyFailed(error) from error
        finally:
            self._pace.source_took(time.monotonic() - began_s)

    def tell_watcher(self) -> None:
        """Tell the watcher how many bytes of media were sent.

        Raises:
            BodyFailed: With what the watcher raised.
        """
        try:
            if self._on_bytes is not None:
                self._on_bytes(self._sent)
        except Exception as error:
            raise BodyFailed(error) from error

    def _refuse_length(self, sent: int, *, at_end: bool) -> None:
        size_bytes = self._stream.size_bytes
        if sent > size_bytes or (at_end and sent < size_bytes):
            raise BodyFailed(
                MediaRefused(
                    "media_changed", f"The media gave {sent} bytes where it had said {size_bytes}; retry."
                )
            )


def _safe(file_name: str) -> str:
    """Return a name that ends neither the quotes nor the header; letters beyond ASCII become `_`."""
    return re.sub(r"[^A-Za-z0-9 ._()-]", "_", file_name).strip() or "recording"
