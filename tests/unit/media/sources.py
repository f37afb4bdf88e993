"""A source that a test holds in its hand."""

from __future__ import annotations

import threading
from collections.abc import Callable

PATIENCE_S = 10.0


def readers() -> int:
    """Count the threads that read for somebody now."""
    return sum(thread.name in {"read-ahead", "ask-source"} for thread in threading.enumerate())


class HeldSource:
    """Media out of memory, whose answers wait for a test where it says so.

    Attributes:
        asked: Set when it was asked for what it holds back.
        goes_on: Set by the test to let it answer.
        closed: Set when it was closed.
        reads: How much was read by each call.
    """

    name = "call.wav"

    def __init__(
        self,
        content: bytes,
        *,
        size_bytes: int | None = None,
        holds_at: int | None = None,
        most: int = 1 << 30,
    ) -> None:
        self.size_bytes = len(content) if size_bytes is None else size_bytes
        self.fingerprint = "as it was"
        self.found = self.fingerprint
        self.asked, self.goes_on, self.closed = (threading.Event() for _ in range(3))
        self.reads: list[int] = []
        self.looks = 0
        self.on_look: Callable[[], None] = lambda: None
        self._content = content
        self._offset = 0
        self._holds_at = holds_at
        self._most = most

    def read(self, size: int) -> bytes:
        if self._holds_at is not None and self._offset >= self._holds_at:
            self._hold()
        block = self._content[self._offset : self._offset + min(size, self._most)]
        self._offset += len(block)
        self.reads.append(len(block))
        return block

    def read_at(self, offset: int, size: int) -> bytes:
        return self._content[offset : offset + size]

    def fingerprint_now(self) -> str:
        self.looks += 1
        self.on_look()
        return self.found

    def close(self) -> None:
        self.closed.set()

    def assert_asked(self) -> None:
        """Watch a wait for it: it goes on no longer than until what it holds back is asked for."""
        assert self.asked.wait(PATIENCE_S)

    def _hold(self) -> None:
        self.asked.set()
        assert self.goes_on.wait(PATIENCE_S), "the test never let the source go on"
