"""A connection that is watched byte by byte, and the pools that keep it open.

Invariants:
- A request is sent at most once: a connection that broke is never opened anew in the middle of a request.
- Every wait is bounded, and so is their sum: one that drips a byte a minute is left at the deadline.
- An answer that comes while the request is still being sent is read at once, even if the server stays.
- A connection is used again only if nothing is left of the exchange before, as after an early answer.
- One that the server closed, that lay idle for long, or that was opened before a fork is not used again.

urllib3 opens the connections, through proxies and TLS, and keeps them; a request goes straight onto one, and
its answer is read by `incoming`. This is the one place that knows the inside of urllib3 (2.8): what it
overrides, and the `_` methods that it calls, are covered by `tests/integration/gong/`.
"""

from __future__ import annotations

import fcntl
import http.client
import logging
import os
import re
import socket
import ssl
import sys
import termios
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import chain
from typing import cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ProtocolError
from urllib3.util.proxy import connection_requires_http_tunnel
from urllib3.util.wait import wait_for_socket

from pipeline.gong.exchange import LOOK_INTERVAL_S, Exchange, current_exchange
from pipeline.gong.incoming import Incoming

log = logging.getLogger(__name__)

IDLE_MAX_S = 30.0
"""Below the 60 s after which common load balancers close: a request seldom meets a closing connection."""

_HEAD_MAX_BYTES = 1 << 16
_INTERIM = re.compile(rb"\A(HTTP/1\.[01] 1\d\d[^\r\n]*\r\n([^\r\n]+\r\n)*\r\n)+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _WatchedConnection(HTTPConnection):
    """A connection that knows its exchange."""

    # That of a proxy to CONNECT as well.
    response_class = Incoming
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

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | Iterable[bytes]
    ) -> Incoming:
        """Send a request, or as much of it as the server wants, and read the head of its answer.

        Raises:
            ValueError: The request cannot be put in lines.
            OSError: No answer came.
            HTTPException: It is none.
        """
        head = _head(method, target, headers)
        current_exchange().requesting = True
        try:
            # What is there already leaves with the head; what is read on the way must not keep it waiting.
            for block in (head + body,) if isinstance(body, bytes) else chain((head,), body):
                self.send(block)
        except BrokenPipeError:
            # It may have answered before it closed.
            log.debug("The request to %s was broken off.", self.host)
        answer = Incoming(self.sock, method=method)
        answer.begin()
        return answer

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
                exchange.watch()
                exchange.sent = True
            count = self._send_some(rest, exchange)
            rest = rest[count:]
            exchange.note_sent(count)
            exchange.check_pace(self._on_its_way)
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
        """Send as much as fits now, or wait until some fits or an answer comes; return how much was sent."""
        patience_s = exchange.patience_s()
        if not isinstance(self.sock, socket.socket):  # TLS within TLS to a proxy: it must not stop half way
            self.sock.settimeout(patience_s)
            self.sock.sendall(data)
            return len(data)
        self.sock.settimeout(0)
        count = 0
        try:
            # TLS takes one record of 16 KiB at a time: between two of them there is nothing to look after.
            while count < len(data):
                count += self.sock.send(data[count:])
        except _NOT_NOW:
            if not count:
                self._await_room(exchange, patience_s)
        except (ConnectionError, ssl.SSLError) as error:
            exchange.broken_off = True
            raise BrokenPipeError(str(error)) from error
        return count

    def _await_room(self, exchange: Exchange, patience_s: float) -> None:
        """Wait until something fits into the socket or an answer comes; whoever watches looks meanwhile."""
        ends = time.monotonic() + patience_s
        while not wait_for_socket(self.sock, read=True, write=True, timeout=min(patience_s, LOOK_INTERVAL_S)):
            if time.monotonic() >= ends:
                raise exchange.gave_up() from None
            exchange.check_pace(self._on_its_way)
            exchange.watch()

    def _on_its_way(self) -> int:
        """Return how much of what was sent the other end has not acknowledged: 0 where nobody can tell.

        A send buffer of 4 MB takes that much at once, and then nothing for a while: a pace that was taken
        there would be wrong by as much.
        """
        try:
            return int.from_bytes(fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        except OSError:
            return 0

    def _arrived(self) -> bytes | None:
        """Return what came unasked, nothing but an end or an error as empty, None if there is neither.

        That the socket is readable would not be enough: after a TLS 1.3 handshake it is, for session tickets.
        """
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


def _head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Write a request up to its body; nobody can put a line of its own into it."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if " " in target or any(map(_CONTROL.search, lines)):
        raise ValueError("a part of the request has a character that no line of its head can have")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class _WatchedTLSConnection(_WatchedConnection, HTTPSConnection):
    """The same through TLS."""


class Pool(HTTPConnectionPool):
    """A pool that can open its connection before it is needed."""

    ConnectionCls = _WatchedConnection

    def connect_ahead(self, connect_s: float) -> None:
        """Open a connection if none in the pool can be used.

        Raises:
            OSError: As the socket, TLS or a proxy raise it.
            HTTPError: As urllib3 raises it for the same, or what a proxy answered is none.
        """
        with self._connection(connect_s):
            pass

    @contextmanager
    def ask(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes],
        connect_s: float,
    ) -> Iterator[Incoming]:
        """Send a request once, and read the head of its answer; the body waits to be read.

        What is left of an answer at the end is not waited for.

        Raises:
            OSError, HTTPError: No answer came.
        """
        with (
            self._connection(connect_s) as connection,
            closing(connection.ask(method, target, headers, body)) as answer,
        ):
            yield answer
            if answer.ends_connection:
                connection.close()

    @contextmanager
    def _connection(self, connect_s: float) -> Iterator[_WatchedConnection]:
        """Lend a connection that stands; it is closed if something goes wrong."""
        connection = self._get_conn()
        try:
            if connection.is_closed:
                connection.timeout = connect_s
                if connection_requires_http_tunnel(self.proxy, self.proxy_config, self.scheme):
                    self._prepare_proxy(connection)
                else:
                    connection.connect()
            yield cast("_WatchedConnection", connection)
        except http.client.HTTPException as error:
            connection.close()
            raise ProtocolError(f"what came is no answer: {error}") from error
        except BaseException:
            connection.close()
            raise
        finally:
            self._put_conn(connection)


class _TLSPool(Pool, HTTPSConnectionPool):
    """The same through TLS."""

    ConnectionCls = _WatchedTLSConnection


POOLS: dict[str, type[HTTPConnectionPool]] = {"http": Pool, "https": _TLSPool}
