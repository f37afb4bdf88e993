"""Small servers for what no well-behaved server does: each is a function that is given one connection.

A server that waits for something waits for an event, with a deadline. A test that ends shuts down what is
open, and waits until whoever reads there has closed it: if it were closed under a reader, its number would
be that of another test's connection, and TLS goes on reading from the number.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.gong import GongClient

PATIENCE_S = 10.0
CERTIFICATE = Path(__file__).with_name("loopback.pem")

Handler = Callable[["Connection"], None]


@dataclass
class Received:
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    body: bytes
    whole: bool


@dataclass
class Connection:
    """One accepted connection, and what may be done with it."""

    sock: socket.socket
    server: Server
    number: int
    _rest: bytes = b""

    def read_head(self) -> Received:
        while b"\r\n\r\n" not in self._rest:
            block = self._receive()
            if not block:
                return Received("", {}, b"", whole=False)
            self._rest += block
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
        request = Received(line, headers, b"", whole=False)
        self.server.requests.append(request)
        return request

    def read_request(self) -> Received:
        return self.read_body(self.read_head())

    def read_body(self, request: Received) -> Received:
        size = int(request.headers.get("content-length", "0")) if request.line else 1
        blocks, count = [self._rest], len(self._rest)
        while count < size and (block := self._receive()):
            blocks.append(block)
            count += len(block)
        body = b"".join(blocks)
        request.body, self._rest = body[:size], body[size:]
        request.whole = bool(request.line) and len(request.body) == size
        return request

    def read_some(self, size: int) -> None:
        """Take so much of the body from the client, and keep it for `read_body`."""
        goal = len(self._rest) + size
        while len(self._rest) < goal and (block := self._receive()):
            self._rest += block

    def answer(self, status: int = 200, body: Any = None, **headers: str) -> None:
        self.sock.sendall(http_answer(status, body, **headers))

    def reset(self) -> None:
        """Close so that the other side sees a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.close()

    def close(self) -> None:
        with suppress(OSError):
            self.sock.close()

    def await_close(self) -> None:
        """Read until the client closes."""
        while self._receive():
            pass

    def _receive(self) -> bytes:
        try:
            return self.sock.recv(1 << 20)
        except ConnectionError:
            return b""


@dataclass
class Server:
    """A listening socket; every connection is handled in a thread of its own."""

    handler: Handler
    tls: bool = False
    requests: list[Received] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    done: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self._start(self._accept)

    def close(self) -> None:
        """End every connection, and wait until nobody is at one."""
        _shut_down(self.listener)
        self.threads[0].join(PATIENCE_S)
        for connection in self.connections:
            _shut_down(connection.sock)
        for thread in self.threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "the server's thread did not end"
        self.listener.close()

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE_S)
            # Otherwise a small answer may wait here for an acknowledgement, and a reset throws it away.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, self, len(self.connections) + 1)
            self.connections.append(connection)
            self._start(self._handle, connection)

    def await_done(self) -> None:
        """Wait until one connection more was handled to its end."""
        assert self.done.acquire(timeout=PATIENCE_S), "the server did not finish with its connection"

    def _handle(self, connection: Connection) -> None:
        try:
            if self.tls:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(CERTIFICATE)
                connection.sock = context.wrap_socket(
                    connection.sock, server_side=True, do_handshake_on_connect=False
                )
                connection.sock.do_handshake()
            self.handler(connection)
        except OSError:
            return  # the client closed or went silent, which is what many of these tests are about
        finally:
            connection.close()
            self.done.release()


@contextmanager
def serving(handler: Handler, *, tls: bool = False) -> Iterator[Server]:
    server = Server(handler, tls)
    try:
        yield server
    finally:
        server.close()


def _shut_down(sock: socket.socket) -> None:
    """Let whoever waits at it see its end; it stays open."""
    with suppress(OSError):
        # Not that of TLS, which takes the socket's TLS away from whoever reads.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def http_answer(status: int = 200, body: Any = None, **headers: str) -> bytes:
    """Build an answer: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    fields = {"Content-Length": str(len(content)), "Content-Type": "application/json"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + content


def always(status: int = 200, body: Any = None, **headers: str) -> Handler:
    """Answer every request on a connection in the same way, until the client closes."""

    def handle(connection: Connection) -> None:
        while connection.read_request().line:
            connection.answer(status, body, **headers)

    return handle


def make_client(url: str, **overrides: Any) -> GongClient:
    options: dict[str, Any] = {
        "access_key": "key",
        "access_key_secret": "hidden",
        "connect_timeout_s": PATIENCE_S,
        "read_timeout_s": PATIENCE_S,
        "request_deadline_s": PATIENCE_S,
    }
    return GongClient(url, **(options | overrides))
