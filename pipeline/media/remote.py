"""Media at a store that is asked for parts of it: object stores, web servers, SFTP.

Invariants: every answer is held to the version that the first one told, so that no two versions are mixed. A
probe costs one request for most kinds of media, and a bounded number for any. Of the media at most eight
blocks are held in memory.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media.source import shown
from pipeline.media.stream import changed

BLOCK_BYTES = 1 << 16
"""What is asked for at once while looking: the whole header of most kinds of media."""
BLOCKS_KEPT = 8
BLOCKS_MAX = 64
"""Of one opening. The index of an MP4 is found in 2 to 4; a file made to be searched for ever has an end."""
FULL_WITHIN_S = 1.0
"""How long `read` waits for more than it has, so that whoever watches the rate is asked now and then."""


class Fetched(Protocol):
    """A store's answer.

    Attributes:
        size_bytes: Of the whole media.
        version: Differs as soon as the content does.
    """

    size_bytes: int
    version: str

    def read(self, size: int) -> bytes:
        """Read on, at most `size` bytes, as soon as there are any; empty only at the end."""

    def close(self) -> None:
        """Let go of it; may be called twice."""


Fetch = Callable[[int, int | None, str | None], Fetched]
"""Asks for the media from an offset on, so many bytes or (None) all, of that version or (None) of any.

Raises MediaRefused `media_missing` where there is nothing, `media_changed` where it is not of that version.
"""


class RemoteMedia:
    """Media at a store; see `source.Opened` for what each part means."""

    def __init__(self, reference: str, name: str, fetch: Fetch) -> None:
        self.name = name
        self._reference = reference
        self._fetch = fetch
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._blocks_left = BLOCKS_MAX
        self._stream: Fetched | None = None
        first = fetch(0, BLOCK_BYTES, None)
        self.size_bytes, self._version = first.size_bytes, first.version
        self._keep(0, first)

    @property
    def fingerprint(self) -> str:
        """The version of this very media: what a store tells of it may be no more than its size."""
        return self._fingerprint_of(self._version)

    def read(self, size: int) -> bytes:
        """Read on, at most `size` bytes; empty only at the end."""
        if self._stream is None:
            self._stream = self._fetch_same(0, None)
        parts, rest, ends_at = [], size, time.monotonic() + FULL_WITHIN_S
        while rest and (part := self._stream.read(rest)):
            parts.append(part)
            rest -= len(part)
            if time.monotonic() > ends_at:
                break
        return b"".join(parts)

    def read_at(self, offset: int, size: int) -> bytes:
        """Read from `offset`, `size` bytes or as many as there are."""
        end = min(offset + size, self.size_bytes)
        parts = []
        while offset < end:
            number, within = divmod(offset, BLOCK_BYTES)
            part = self._block(number)[within : within + end - offset]
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def fingerprint_now(self) -> str:
        """Ask again, for a byte of whatever version there is."""
        try:
            fetched = self._fetch(0, 1, None)
        except MediaRefused as refused:
            if refused.code == "media_missing":
                return "gone"
            raise
        fetched.close()
        return self._fingerprint_of(fetched.version)

    def close(self) -> None:
        """Let go of the answer that is being read."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _fingerprint_of(self, version: str) -> str:
        return f"{self._reference}\n{version}"

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
        else:
            self._keep(number, self._fetch_same(number * BLOCK_BYTES, BLOCK_BYTES))
        return self._blocks[number]

    def _keep(self, number: int, fetched: Fetched) -> None:
        """Read a block whole, and forget the one that was used longest ago."""
        self._blocks_left -= 1
        if self._blocks_left < 0:
            fetched.close()
            raise MediaRefused(
                "media_kind",
                f"What kind of media {shown(self._reference)} is could not be told from {BLOCKS_MAX} parts "
                "of it; check that it plays.",
            )
        wanted = min(BLOCK_BYTES, self.size_bytes - number * BLOCK_BYTES)
        block = _whole(fetched, wanted)
        if len(block) < wanted:
            raise MediaUnavailable(
                f"The media {shown(self._reference)} broke off after {len(block):,} of {wanted:,} bytes."
            )
        self._blocks[number] = block
        if len(self._blocks) > BLOCKS_KEPT:
            self._blocks.popitem(last=False)

    def _fetch_same(self, offset: int, size: int | None) -> Fetched:
        fetched = self._fetch(offset, size, self._version)
        if (fetched.version, fetched.size_bytes) != (self._version, self.size_bytes):
            fetched.close()
            raise changed(self._reference, "since it was looked at")
        return fetched


def _whole(fetched: Fetched, size: int) -> bytes:
    """Read so much of an answer, or as much as there is, and close it."""
    parts = []
    try:
        while size > 0 and (part := fetched.read(size)):
            parts.append(part)
            size -= len(part)
    finally:
        fetched.close()
    return b"".join(parts)
