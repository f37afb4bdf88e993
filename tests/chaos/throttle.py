"""A way to the simulator on which bytes go as slowly as wanted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

BLOCK_BYTES = 1 << 16
# Small buffers, so that what the sender takes for sent is not far ahead of what arrived.
BUFFER_BYTES = 1 << 18


class Throttle:
    """Passes every connection on to one address.

    Attributes:
        url: Where it listens.
        bytes_per_s: How fast a connection's request goes; may be changed while it does.
        answer_bytes_per_s: The same of the answer.
        passed_bytes: What was passed on to the address so far.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.bytes_per_s = self.answer_bytes_per_s = 1e9
        self.passed_bytes = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Pass nothing on any more."""
        self._closed.set()
        # Closed alone, it would go on listening for whoever waits in `accept`.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for pair in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_request: bool) -> None:
        with suppress(OSError), source, sink:
            while block := source.recv(BLOCK_BYTES):
                self._closed.wait(len(block) / (self.bytes_per_s if is_request else self.answer_bytes_per_s))
                if is_request:
                    self.passed_bytes += len(block)
                sink.sendall(block)


@contextmanager
def throttled(target: str) -> Iterator[Throttle]:
    """Run a way to an address."""
    way = Throttle(target)
    try:
        yield way
    finally:
        way.close()
