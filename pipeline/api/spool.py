"""Answers on their way to a client that may not read them before it has sent everything.

Most clients send their whole request first. A server that waited for them to read would wait for ever while
they wait for it to read; one that kept the answers in memory would need as much as there are. So what the
connection does not take at once lies in a file without a name until it does, or until all is read.
"""

from __future__ import annotations

import select
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator

IN_MEMORY_MAX_BYTES = 1 << 20
# A connection that takes anything takes that much without waiting.
PIECE_BYTES = 4096


class Spool:
    """Bytes, first in, first out: in memory as long as they are few, in a file where they are many."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY_MAX_BYTES)  # noqa: SIM115 - closed by close
        self._read = 0
        self._written = 0

    def __len__(self) -> int:
        return self._written - self._read

    def put(self, content: bytes) -> None:
        """Add bytes at the end."""
        self._file.seek(self._written)
        self._file.write(content)
        self._written += len(content)

    def take(self, size: int = PIECE_BYTES) -> bytes:
        """Take bytes from the beginning, at most so many."""
        self._file.seek(self._read)
        content = self._file.read(min(size, len(self)))
        self._read += len(content)
        if not len(self):
            self._file.seek(0)
            self._file.truncate()
            self._read = self._written = 0
        return content

    def close(self) -> None:
        """Forget what is left."""
        self._file.close()


def without_waiting(contents: Iterable[bytes], takes: Callable[[], bool]) -> Iterator[bytes]:
    """Give bytes as they come; those that the connection does not take yet when it does, or at the end."""
    spool = Spool()
    try:
        for content in contents:
            spool.put(content)
            while spool and takes():
                yield spool.take()
        while spool:
            yield spool.take(1 << 16)
    finally:
        spool.close()


def taker_of(connection: socket.socket | None) -> Callable[[], bool]:
    """Give what tells whether a connection takes bytes without waiting; one that is not known does."""
    if connection is None:
        return lambda: True
    poller = select.poll()
    poller.register(connection, select.POLLOUT)
    return lambda: bool(poller.poll(0))
