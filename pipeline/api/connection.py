"""How long a client may take: a thread of the server serves one at a time, and a slow one must not hold it.

A request, from its first byte, has some seconds, and more the more of it has come. A client that sends
nothing or reads nothing for too long, or drips its bytes, is given up: its connection is closed.
"""

from __future__ import annotations

import errno
import json
import socket
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from pipeline.api.problem import CODES, MEDIA_TYPE

# Silence after which a client is given up.
SILENCE_MAX_S = 30.0
# Slower than that, after these seconds, it is given up as well.
BEGINNING_S, BYTES_PER_S_MIN = 30.0, 2_000
# For so long a client that is refused may go on sending.
UNREAD_WITHIN_S = 0.5
# What is there already is taken, however slowly it came.
SHORTEST_S = 0.001
STATUS_OF: tuple[tuple[type[Exception], int], ...] = (
    (errors.LimitRequestLine, 414),
    (errors.LimitRequestHeaders, 431),
)


class PatientSocket(socket.socket):
    """A client's connection, of which each request has its time.

    What takes too long raises TimeoutError, and for the server itself it is a connection that was lost.
    """

    _waited_s = 0.0
    _received = 0
    _is_ended = False

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001 - socket's signature
        """Begin a request, as the server does for each with True."""
        self.settimeout(SILENCE_MAX_S if flag else 0.0)
        self._waited_s, self._received = 0.0, 0

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive some bytes of the request."""
        left_s = BEGINNING_S + self._received / BYTES_PER_S_MIN - self._waited_s
        given_s = self.gettimeout()
        if given_s:
            self.settimeout(min(max(left_s, SHORTEST_S), given_s))
        began = time.monotonic()
        try:
            content = super().recv(bufsize, flags)
        except TimeoutError as error:
            raise TooSlow from error
        finally:
            self.settimeout(given_s)
        # Only while the client is waited for its time runs, not while the server has to do.
        self._waited_s += time.monotonic() - began
        self._received += len(content)
        return content

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send an answer, or a part of it."""
        self.settimeout(SILENCE_MAX_S)
        try:
            super().sendall(data, flags)
        except TimeoutError as error:
            raise TooSlow from error

    def end(self) -> None:
        """End the answer, and let the client read it before the connection is closed.

        Bytes that nobody has read would make the system break it off, the answer with it.
        """
        with suppress(OSError):
            super().shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + UNREAD_WITHIN_S
            while (left_s := deadline - time.monotonic()) > 0:
                self.settimeout(left_s)
                if not super().recv(1 << 16):
                    break
        self._is_ended = True

    def shutdown(self, how: int, /) -> None:
        """End one direction; the server does so, and then waits for the client, where nothing may wait."""
        if self._is_ended:
            raise OSError(errno.ENOTCONN, "the connection is ended already")
        super().shutdown(how)


class TooSlow(TimeoutError):
    """A client took too long."""

    def __init__(self) -> None:
        # By this number the server takes it for a client that is gone, which is no reason to complain.
        super().__init__(errno.ECONNRESET, "the client took too long")


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """A process of the server, with patience for its clients, and the API's own form of errors."""

    def enqueue_req(self, conn: TConn) -> None:
        """Let a thread serve a connection."""
        if not isinstance(conn.sock, PatientSocket):
            conn.sock = PatientSocket(fileno=conn.sock.detach())
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Serve a request in a thread; a connection that is not kept is ended there too."""
        is_kept = super().handle(conn)
        if not is_kept and isinstance(conn.sock, PatientSocket):
            conn.sock.end()
        return is_kept

    def _keepalive_after(self, conn: TConn, keepalive: object) -> bool:
        """Read what no view has read of a body, to keep the connection, but not as long as gunicorn would."""
        return bool(keepalive and conn.parser.finish_body(deadline=time.monotonic() + UNREAD_WITHIN_S))

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what is no request, and so reaches no view."""
        del req
        status = next((number for kind, number in STATUS_OF if isinstance(exc, kind)), 400)
        if not isinstance(exc, errors.ParseException):
            self.log.error("Error handling a request of %s", addr, exc_info=exc)
            status = 500
        try:
            client.sendall(_answer(status, str(exc) if status < 500 else "See the server's log."))
        except OSError:
            self.log.debug("The client is gone.")


def _answer(status: int, detail: str) -> bytes:
    phrase = HTTPStatus(status).phrase
    document = {
        "type": "about:blank",
        "title": phrase,
        "status": status,
        "code": CODES[status],
        "detail": detail,
    }
    body = json.dumps(document).encode()
    head = (
        f"HTTP/1.1 {status} {phrase}\r\nConnection: close\r\n"
        f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
