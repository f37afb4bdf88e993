"""A connection that is watched byte by byte, and the pools that keep it open.

Invariants:
- A request is sent at most once: a connection that broke is never opened anew in the middle of a request.
- Every wait is bounded, and so is their sum: one that drips a byte a minute is left at the deadline.
- An answer that comes while the request is still being sent is read at once, even if the server stays.
- A connection is used again only if nothing is left of the exchange before, as after an early answer.
- One that the server closed, that lay idle for long, or that was opened before a fork is not used again.

This is the one place that knows the inside of urllib3 (2.8): what it overrides, and the `_` methods that it
calls, are covered by `tests/integration/gong/`.
"""

from __future__ import annotations

import http.client
import io
import os
import re
import socket
import ssl
import time
from typing import TYPE_CHECKING

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.proxy import connection_requires_http_tunnel
from urllib3.util.wait import wait_for_read, wait_for_socket

from pipeline.gong.exchange import Exchange, current_exchange

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

IDLE_MAX_S = 30.0
"""Below the 60 s after which common load balancers close: a request seldom meets a closing connection."""

_HEAD_MAX_BYTES = 1 << 16
_INTERIM = re.compile(rb"\A(HTTP/1\.[01] 1\d\d[^\r\n]*\r\n([^\r\n]+\r\n)*\r\n)+")
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Incoming(io.RawIOBase):
    """What comes from the socket, within the patience of the exchange; what came early is its beginning."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._exchange = exchange
        self._early = exchange.early
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        if self._early:
            view = memoryview(buffer)
            count = min(len(view), len(self._early))
            view[:count], self._early = self._early[:count], self._early[count:]
            return count
        self._sock.settimeout(self._exchange.patience_s())
        try:
            return self._raw.readinto(buffer)
        except TimeoutError as error:
            raise self._exchange.gave_up() from error

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that is read through `_Incoming`."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        self.fp = io.BufferedReader(_Incoming(sock, current_exchange()))

    def begin(self) -> None:
        """Read the head; leave no connection open on which something else is still to come.

        That is the real answer after an interim one (1xx), or our rest of a request that was broken off.
        """
        super().begin()
        if self.status < 200 or current_exchange().broken_off:
            self.will_close = True


class _WatchedConnection(HTTPConnection):
    """A connection that knows its exchange."""

    response_class = _Answer
    _process = 0
    _used_s = 0.0

    def connect(self) -> None:
        super().connect()
        self._process = os.getpid()
        self._used_s = time.monotonic()

    @property
    def is_connected(self) -> bool:
        """Tell whether a request may be sent on it; urllib3 asks when it takes a connection from the pool."""
        if self.sock is None or self._process != os.getpid():
            return False
        return time.monotonic() - self._used_s < IDLE_MAX_S and self._arrived() is None

    def endheaders(  # type: ignore[override] # urllib3 gives bytes, http.client would take more
        self, message_body: bytes | None = None, *, encode_chunked: bool = False
    ) -> None:
        """Start the request proper; open the connection before, so that the two are told apart."""
        if self.sock is None:
            self.connect()
        current_exchange().requesting = True
        super().endheaders(message_body, encode_chunked=encode_chunked)

    def send(self, data: bytes) -> None:  # type: ignore[override] # as above
        """Send all of `data`; stop for an answer that comes meanwhile.

        Raises:
            BrokenPipeError: The server answered or closed. urllib3 takes it as a sign to read the answer.
            TimeoutError: The server took no byte for too long.
            NotConnected: The connection is closed: in the middle of a request it must not be opened anew.
        """
        if self.sock is None:
            raise http.client.NotConnected
        exchange = current_exchange()
        rest = memoryview(data)
        while rest:
            if exchange.requesting:
                self._heed(exchange)
                exchange.sent = True
            rest = rest[self._send_some(rest, exchange) :]
        self._used_s = time.monotonic()

    def _heed(self, exchange: Exchange) -> None:
        """Break off for an answer or an end, not for an interim answer (RFC 9110, 15.2: may come unasked)."""
        came = self._arrived()
        if came is None:
            return
        exchange.early = _INTERIM.sub(b"", exchange.early + came, count=1)
        if not came or not _may_become_interim(exchange.early):
            exchange.broken_off = True
            raise BrokenPipeError("the server answered or closed before the request was out")

    def _send_some(self, data: memoryview, exchange: Exchange) -> int:
        """Send what fits now, or wait until some fits or an answer comes; return how much was sent."""
        patience_s = exchange.patience_s()
        if not isinstance(self.sock, socket.socket):  # TLS within TLS to a proxy: it must not stop half way
            self.sock.settimeout(patience_s)
            self.sock.sendall(data)
            return len(data)
        self.sock.settimeout(0)
        try:
            return self.sock.send(data)
        except _NOT_NOW:
            if not wait_for_socket(self.sock, read=True, write=True, timeout=patience_s):
                raise exchange.gave_up() from None
            return 0
        except (ConnectionError, ssl.SSLError) as error:
            exchange.broken_off = True
            raise BrokenPipeError(str(error)) from error

    def _arrived(self) -> bytes | None:
        """Return what came unasked, nothing but an end or an error as empty, None if there is neither.

        That the socket is readable is not enough: after a TLS 1.3 handshake it is, for session tickets.
        """
        if not wait_for_read(self.sock, timeout=0.0):
            return None
        self.sock.settimeout(0)
        try:
            return self.sock.recv(_HEAD_MAX_BYTES)
        except _NOT_NOW:
            return None
        except OSError:
            return b""


def _may_become_interim(early: bytes) -> bool:
    """Tell whether these bytes may be the beginning of an interim answer, of which the rest is to come."""
    return b"HTTP/1.".startswith(early[:7]) and early[9:10] in {b"", b"1"} and len(early) < _HEAD_MAX_BYTES


class _WatchedTLSConnection(_WatchedConnection, HTTPSConnection):
    """The same through TLS."""


class Pool(HTTPConnectionPool):
    """A pool that can open its connection before it is needed."""

    ConnectionCls = _WatchedConnection

    def connect_ahead(self, connect_s: float) -> None:
        """Open a connection if none in the pool can be used.

        Raises:
            OSError: As the socket, TLS or a proxy raise it.
            HTTPError: As urllib3 raises it for the same.
        """
        connection = self._get_conn()
        try:
            if connection.is_closed:
                connection.timeout = connect_s
                if connection_requires_http_tunnel(self.proxy, self.proxy_config, self.scheme):
                    self._prepare_proxy(connection)
                else:
                    connection.connect()
        except BaseException:
            connection.close()
            raise
        finally:
            self._put_conn(connection)


class _TLSPool(Pool, HTTPSConnectionPool):
    """The same through TLS."""

    ConnectionCls = _WatchedTLSConnection


POOLS: dict[str, type[HTTPConnectionPool]] = {"http": Pool, "https": _TLSPool}
