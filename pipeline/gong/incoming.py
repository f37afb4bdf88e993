"""An answer as it comes in: its head at once, its body when it is asked for.

Invariants: every wait for it is bounded by its exchange. What came while the request was still being sent is
its beginning. It is never taken for whole when it is not.
"""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import urllib3

from pipeline.gong.exchange import Exchange, current_exchange

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 1 << 16


class Incomplete(OSError):
    """The answer ended before its end."""


class _Incoming(io.RawIOBase):
    """What comes from the socket, within the patience of the exchange; what came early is its beginning."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._exchange = exchange
        self._early = exchange.early

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give what `http.client` reads from, which has the socket alone for that."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        if self._early:
            view = memoryview(buffer)
            count = min(len(view), len(self._early))
            view[:count], self._early = self._early[:count], self._early[count:]
            return count
        self._sock.settimeout(self._exchange.patience_s(for_answer=True))
        try:
            return self._sock.recv_into(buffer)
        except TimeoutError as error:
            raise self._exchange.gave_up() from error


class Incoming(http.client.HTTPResponse):
    """An answer; `begin` reads its head."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        incoming = _Incoming(sock, current_exchange())
        super().__init__(incoming, debuglevel, method, url)  # type: ignore[arg-type] # see `makefile`

    def begin(self) -> None:
        """Read the head; leave no connection open on which something else is still to come.

        That is the real answer after an interim one (1xx), or our rest of a request that was broken off.

        Raises:
            HTTPException: It is none, or of two lengths.
        """
        super().begin()
        if len(set(self.headers.get_all("Content-Length", ()))) > 1:
            raise http.client.HTTPException("it has two lengths")
        if self.status < 200 or current_exchange().broken_off:
            self.will_close = True

    @property
    def ends_connection(self) -> bool:
        """Tell whether nothing else may be asked on the connection: it closes, or not all was read."""
        return self.will_close or not self.isclosed()

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[bytes]:
        """Give the body in blocks, unpacked if it is compressed, though nobody asked for that.

        Raises:
            OSError: It broke off.
            HTTPError: It cannot be unpacked.
        """
        source = self if "Content-Encoding" not in self.headers else _unpacked(self)
        try:
            while block := source.read(size):
                yield block
        except http.client.HTTPException as error:
            raise Incomplete(str(error)) from error
        if self.length:
            raise Incomplete(f"{self.length} bytes are missing")


def _unpacked(answer: http.client.HTTPResponse) -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(
        answer, headers=dict(answer.headers), preload_content=False, decode_content=True
    )
