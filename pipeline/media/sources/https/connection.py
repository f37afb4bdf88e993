"""Connections to web servers of media: only to addresses that were checked, and only for so long.

Invariants: a name is resolved once for a connection, every address that it has is checked, and the connection
goes to one of those: a name that leads elsewhere a moment later leads nowhere. No proxy is used, because it
would resolve the name anew. A server that drips a byte a minute is left at the deadline.

It overrides what urllib3 (2.8) calls to open a connection; the tests of hostile addresses go through it.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media.sources.https.public import address_of, is_forbidden, is_public
from pipeline.media.sources.https.target import FORBIDDEN

_POOLS, _CONNECTIONS = 16, 4


class Watch:
    """Breaks connections off that are at work for it when its time is over."""

    def __init__(self, within_s: float) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.is_over = False
        self._timer = threading.Timer(within_s, self._break_off)
        self._timer.daemon = True
        self._timer.start()

    def hold(self, sock: socket.socket) -> None:
        """Watch a connection; a copy of it is kept, because TLS takes the socket itself away."""
        with self._lock:
            self._sockets.append(socket.fromfd(sock.fileno(), sock.family, sock.type))
        if self.is_over:
            self._break_off()

    @contextmanager
    def current(self) -> Iterator[None]:
        """Watch what is opened or used by this thread within the block."""
        token = _WATCH.set(self)
        try:
            yield
        finally:
            _WATCH.reset(token)

    def end(self) -> None:
        """Watch no longer; may be called twice."""
        self._timer.cancel()
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    def _break_off(self) -> None:
        with self._lock:
            self.is_over = True
            for sock in self._sockets:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)


class _Checked(HTTPConnection):
    is_trusted = False

    def _new_conn(self) -> socket.socket:
        timeout = self.timeout if isinstance(self.timeout, int | float) else None
        try:
            sock = _connect(self.host.strip("[]"), self.port, is_trusted=self.is_trusted, timeout_s=timeout)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        self._watch(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request, watched also on a connection that was open."""
        if self.sock is not None:
            self._watch(self.sock)
        super().request(*args, **kwargs)

    @staticmethod
    def _watch(sock: socket.socket) -> None:
        if watch := _WATCH.get():
            watch.hold(sock)


class _CheckedTLS(_Checked, HTTPSConnection):
    pass


class _Trusted(_Checked):
    is_trusted = True


class _TrustedTLS(_CheckedTLS):
    is_trusted = True


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Checked


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _CheckedTLS


class _TrustedPool(HTTPConnectionPool):
    ConnectionCls = _Trusted


class _TrustedPoolTLS(HTTPSConnectionPool):
    ConnectionCls = _TrustedTLS


def pools(*, is_trusted: bool) -> PoolManager:
    """Give this process's connections: those that roots allow apart from all others."""
    return _pools(os.getpid(), is_trusted)


@lru_cache(2)
def _pools(_process: int, is_trusted: bool, /) -> PoolManager:  # noqa: FBT001 - a key of the cache
    manager = PoolManager(_POOLS, maxsize=_CONNECTIONS, cert_reqs="CERT_REQUIRED", ca_certs=_certificates())
    classes = (_TrustedPool, _TrustedPoolTLS) if is_trusted else (_Pool, _PoolTLS)
    manager.pool_classes_by_scheme = dict(zip(("http", "https"), classes, strict=True))
    return manager


def _certificates() -> str:
    """Give the authorities that the API's client trusts too: of REQUESTS_CA_BUNDLE, or else of certifi."""
    verify = requests.Session().merge_environment_settings("https://", {}, None, None, None)["verify"]
    return verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH


def _connect(host: str, port: int, *, is_trusted: bool, timeout_s: float | None) -> socket.socket:
    """Connect to an address of a host, when every address that it has may be connected to.

    Raises:
        MediaRefused: One of them may not.
        MediaUnavailable: The name cannot be resolved now.
        OSError: No connection came about.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise MediaUnavailable(f"The name of the host {host!r} could not be resolved ({error}).") from error
    for _, _, _, _, place in found:
        _refuse_address(host, str(place[0]), is_trusted=is_trusted)
    failed: OSError = OSError("it has no address")
    for family, kind, protocol, _, place in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout_s)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(place)
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed


def _refuse_address(host: str, text: str, *, is_trusted: bool) -> None:
    address = address_of(text)
    if is_forbidden(address):
        raise MediaRefused(
            FORBIDDEN, f"The host {host!r} leads to {address}, which may be a cloud's own; it is never asked."
        )
    if not (is_trusted or is_public(address)):
        raise MediaRefused(
            FORBIDDEN,
            f"The host {host!r} leads to {address}, which is not a public address; to allow the host, add "
            f"its address (https://{host}/) to GONG_INGEST_MEDIA_ROOTS.",
        )
