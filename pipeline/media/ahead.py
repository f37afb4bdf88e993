"""Reads a source ahead of whoever sends it, and hashes what it reads, in a thread of its own.

Hashing costs more than sending through loopback, so the two run side by side: `hashlib` and the socket both
let other threads work meanwhile. A block is immutable, and the very object that is sent is hashed: behind
the look at the source, while it is on its way.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from queue import SimpleQueue

from pipeline.media import patience
from pipeline.media.patience import Watch
from pipeline.media.source import Opened

BLOCK_MAX_BYTES = 1 << 20
"""Measured (ARCHITECTURE.md): smaller blocks cost threads, locks and system calls more often."""

BLOCKS_AHEAD = 2
"""One is sent while the next is read and hashed; more keep nobody busier."""

CLOSE_WITHIN_S = 0.5


class ReadAhead:
    """The blocks of a source, in all as many bytes as it had when it was opened.

    Args:
        opened: The source; closed here, and only when it has answered whatever was asked of it.
        is_changed: Asks the source whether it is still what was opened; called before the last block is given
            out, when all the others are sent.
        changed: Makes the error for a source that is not.
    """

    def __init__(
        self, opened: Opened, *, is_changed: Callable[[], bool], changed: Callable[[], Exception]
    ) -> None:
        self._hash = hashlib.sha256()
        self._digest: SimpleQueue[str] = SimpleQueue()
        self._opened = opened
        self._is_changed = is_changed
        self._changed = changed
        self._blocks: SimpleQueue[bytes | BaseException] = SimpleQueue()
        self._room = threading.Semaphore(BLOCKS_AHEAD)
        self._taken = 0
        self._closed = False
        self._running = patience.start("read-ahead", self._run)

    def take(self, *, stall_s: float, watch: Watch) -> bytes:
        """Take the next block; the one before is sent.

        Raises:
            MediaUnavailable: The source does not answer, or gave nothing for so long.
            MediaRefused: It changed.
        """
        if self._taken:
            self._room.release()
        self._taken += 1
        return patience.taken(self._blocks, stall_s=stall_s, watch=watch)

    def sha256_hex(self) -> str:
        """Wait for the hash of all blocks; to be asked for once, when the last was taken."""
        return self._digest.get()

    def close(self) -> None:
        """Read no more. If the source does not answer now, it is closed when it does."""
        self._closed = True
        self._room.release(BLOCKS_AHEAD)
        self._running.join(CLOSE_WITHIN_S)
        if self._running.is_alive():
            patience.leave(self._running)

    def _run(self) -> None:
        try:
            self._read()
        except BaseException as error:  # noqa: BLE001 - it is raised where the block is waited for
            self._blocks.put(error)
        finally:
            self._opened.close()

    def _read(self) -> None:
        rest = self._opened.size_bytes
        while rest:
            self._room.acquire()
            if self._closed:
                return
            block = self._opened.read(min(BLOCK_MAX_BYTES, rest))
            if not block:
                raise self._changed()
            rest -= len(block)
            if not rest:
                self._look_again()
            self._blocks.put(block)
            self._hash.update(block)
        self._digest.put(self._hash.hexdigest())

    def _look_again(self) -> None:
        """Wait until all but the last block is sent, and that is asked for; then ask the source."""
        for _ in range(BLOCKS_AHEAD - 1):
            self._room.acquire()
        if not self._closed and self._is_changed():
            raise self._changed()
