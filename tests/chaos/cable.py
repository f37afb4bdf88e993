"""A way to a server that can be cut: connections are refused, or nobody answers on them.

It listens on a port of its own and leads to the server's socket, so that a test reaches the server while
those that come this way do not.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.waiting import await_true

BLOCK_BYTES = 1 << 16
BACKLOG = 1024


class Cable:
    """The way, usable at first.

    Attributes:
        url: Of the server, this way.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        # Holds the port while nobody listens there, so that it is nobody else's when it is mended.
        self._holder = _bound(0)
        self._port: int = self._holder.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._loop = asyncio.new_event_loop()
        self._asks = asyncio.Event()
        self._answers = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="cable", daemon=True)
        self._passed_at = time.monotonic()
        self._thread.start()
        self.mend()

    def await_silence(self, *, for_s: float = 1.0) -> None:
        """Wait until nothing was passed on for so long: whoever asked has its answer."""
        await_true(lambda: time.monotonic() - self._passed_at >= for_s, "nothing passes", within_s=30)

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        self._do(self._cut())

    def hold(self) -> None:
        """Pass nothing on: connections stay open, new ones are made, and nobody answers on them."""
        self._do(self._hold())

    def hold_answers(self) -> None:
        """Let everything through to the server, and nothing back."""
        self._do(self._hold_answers())

    def mend(self) -> None:
        """Let everything through, also what was held."""
        self._do(self._mend())

    def close(self) -> None:
        """End it for good."""
        self.cut()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._holder.close()

    def _do(self, action: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(action, self._loop).result()

    async def _cut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for writer in self._writers:
            writer.transport.abort()

    async def _hold(self) -> None:
        self._asks.clear()
        self._answers.clear()
        await self._listen()

    async def _hold_answers(self) -> None:
        self._answers.clear()

    async def _mend(self) -> None:
        self._asks.set()
        self._answers.set()
        await self._listen()

    async def _listen(self) -> None:
        if self._listener is None:
            listening = _bound(self._port)
            self._listener = await asyncio.start_server(self._lead, sock=listening, backlog=BACKLOG)

    async def _end(self) -> None:
        """Wait until nothing is under way any more."""
        self._asks.set()
        self._answers.set()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError), self._kept(writer):
            onward = await asyncio.open_unix_connection(self._target)
            with self._kept(onward[1]):
                asking = self._pass_on(reader, onward[1], self._asks)
                answering = self._pass_on(onward[0], writer, self._answers)
                await asyncio.gather(asking, answering)

    @contextmanager
    def _kept(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        """Know a connection as long as it is used."""
        self._writers.add(writer)
        if self._listener is None:
            writer.transport.abort()
        try:
            yield
        finally:
            self._writers.remove(writer)
            writer.transport.abort()

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, may_pass: asyncio.Event
    ) -> None:
        while block := await source.read(BLOCK_BYTES):
            await may_pass.wait()
            sink.write(block)
            await sink.drain()
            self._passed_at = time.monotonic()
        # Whoever is left without the other side is told.
        sink.transport.abort()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


@contextmanager
def cable_to(target: Path) -> Iterator[Cable]:
    """Lay a way to a socket."""
    cable = Cable(target)
    try:
        yield cable
    finally:
        cable.close()
