"""The bounded, hashed stream of one recording's media.

Invariants: gives exactly the bytes that were probed, or fails. The source is looked at again before the last
block is given out and when all the others are sent, so media that was cut, grown, rewritten or replaced
meanwhile never arrives whole. It holds a few blocks in memory, whatever the size. A source that gives nothing
is left in time.

What a source cannot tell, nobody here can: a file that was rewritten in place, at the same size, with its
time put back, is the same to it. Then what arrived is what the hash says, byte by byte, and it may be a
mixture of old and new.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from pipeline.errors import MediaRefused
from pipeline.media.ahead import BLOCK_MAX_BYTES, ReadAhead
from pipeline.media.patience import STALL_S, Watch, unwatched
from pipeline.media.source import Opened, shown


class MediaStream:
    """Media that is read once, from its start to its end; a context manager that closes the source.

    Attributes:
        size_bytes: What will be given out in all.
        count: What was given out so far, in bytes.
    """

    def __init__(self, reference: str, opened: Opened) -> None:
        self.size_bytes = opened.size_bytes
        self.count = 0
        self._reference = reference
        self._opened = opened
        self._ahead: ReadAhead | None = None
        self._sha256_hex = ""
        self._rest = memoryview(b"")
        self._stall_s = STALL_S
        self._watch: Watch = unwatched

    def be_watched(self, watch: Watch, *, stall_s: float) -> None:
        """Ask `watch` every half second in which the source gives nothing, and leave it after `stall_s`."""
        self._watch, self._stall_s = watch, stall_s

    def read(self, size: int = BLOCK_MAX_BYTES) -> bytes:
        """Read on: up to `size` bytes (1 or more) and at most 1 MiB; empty only when all was given out.

        Raises:
            MediaRefused: `media_changed`, at the latest in place of the last block.
            MediaUnavailable: The source does not answer.
        """
        if not self._rest:
            if self.count == self.size_bytes:
                return b""
            self._rest = memoryview(self._take())
        block, self._rest = self._rest[:size], self._rest[size:]
        self.count += len(block)
        # A whole block is handed on as it is: nothing is copied.
        whole = block.obj
        return whole if isinstance(whole, bytes) and len(whole) == len(block) else bytes(block)

    @property
    def sha256_hex(self) -> str:
        """The SHA-256 of what was given out; there only when that is all.

        Raises:
            RuntimeError: Not all was read yet.
        """
        if self._ahead is None or self.count != self.size_bytes:
            raise RuntimeError(
                f"{self.count} of {self.size_bytes} bytes were read; the hash is of all or nothing"
            )
        self._sha256_hex = self._sha256_hex or self._ahead.sha256_hex()
        return self._sha256_hex

    def _take(self) -> bytes:
        if self._ahead is None:
            self._ahead = ReadAhead(
                self._opened,
                is_changed=self._changed,
                changed=lambda: changed(self._reference, "while it was read"),
            )
        return self._ahead.take(stall_s=self._stall_s, watch=self._watch)

    def _changed(self) -> bool:
        return self._opened.fingerprint_now() != self._opened.fingerprint

    def close(self) -> None:
        """Let go of the source."""
        if self._ahead is None:
            self._opened.close()
        else:
            self._ahead.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def changed(reference: str, when: str) -> MediaRefused:
    """Return the refusal of media that is not what was probed."""
    return MediaRefused(
        "media_changed",
        f"The media {shown(reference)} changed {when}; retry when nothing writes to it any more.",
    )
