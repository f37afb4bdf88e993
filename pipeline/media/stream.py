"""The bounded, hashed stream of one recording's media.

Invariants: gives exactly the bytes that were probed, or fails. The source is looked at again before the last
block is given out, so media that was cut, grown, rewritten or replaced meanwhile never arrives whole. It
holds one block in memory, whatever the size.
"""

from __future__ import annotations

import hashlib
from types import TracebackType
from typing import Self

from pipeline.errors import MediaRefused
from pipeline.media.source import Opened

BLOCK_MAX_BYTES = 1 << 20


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
        self._hash = hashlib.sha256()

    def read(self, size: int = BLOCK_MAX_BYTES) -> bytes:
        """Read on: up to `size` bytes (1 or more) and at most 1 MiB; empty only when all was given out.

        Raises:
            MediaRefused: `media_changed`, at the latest in place of the last block.
            MediaUnavailable: The source does not answer.
        """
        rest = self.size_bytes - self.count
        if not rest:
            return b""
        block = self._opened.read(min(size, BLOCK_MAX_BYTES, rest))
        if not block or (len(block) == rest and self._changed()):
            raise changed(self._reference, "while it was read")
        self._hash.update(block)
        self.count += len(block)
        return block

    @property
    def sha256_hex(self) -> str:
        """The SHA-256 of what was given out; there only when that is all.

        Raises:
            RuntimeError: Not all was read yet.
        """
        if self.count != self.size_bytes:
            raise RuntimeError(
                f"{self.count} of {self.size_bytes} bytes were read; the hash is of all or nothing"
            )
        return self._hash.hexdigest()

    def _changed(self) -> bool:
        return self._opened.fingerprint_now() != self._opened.fingerprint

    def close(self) -> None:
        """Let go of the source."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def changed(reference: str, when: str) -> MediaRefused:
    """Return the refusal of media that is not what was probed."""
    return MediaRefused(
        "media_changed", f"The media {reference!r} changed {when}; retry when nothing writes to it any more."
    )
