"""A client of HTTP for benchmarks: kept connections, as fast as they go or at a rate, each answer timed.

At a rate the time counts from the instant at which a request was to be sent, whether a connection was free
then or not: a server that stalls is not spared the requests that waited meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

Request = Callable[[int], bytes]
"""Gives the bytes of a request by its number."""


@dataclass(slots=True)
class Load:
    """What came of a load: how long each answer took, in order, and in what time."""

    times_s: list[float] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def rate(self) -> float:
        """Give the answers a second."""
        return len(self.times_s) / self.took_s


def as_fast_as_it_goes(
    place: tuple[str, int], request: Request, *, connections: int, seconds: float, status: int
) -> Load:
    """Send on so many connections, each a request as soon as the last one is answered.

    Raises:
        RuntimeError: An answer has another status.
    """
    return asyncio.run(_fast(place, request, connections, seconds, status))


def at_a_rate(
    place: tuple[str, int], request: Request, *, per_second: float, seconds: float, status: int
) -> Load:
    """Send so many a second, evenly.

    Raises:
        RuntimeError: An answer has another status.
    """
    return asyncio.run(_evenly(place, request, per_second, seconds, status))


async def _fast(
    place: tuple[str, int], request: Request, connections: int, seconds: float, status: int
) -> Load:
    load, number = Load(), iter(range(1 << 62))
    ends_at = time.perf_counter() + seconds

    async def one() -> None:
        connection = await _Connection.to(place)
        while (began := time.perf_counter()) < ends_at:
            await connection.ask(request(next(number)), status)
            load.times_s.append(time.perf_counter() - began)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    load.took_s = time.perf_counter() - began
    return load


async def _evenly(
    place: tuple[str, int], request: Request, per_second: float, seconds: float, status: int
) -> Load:
    load = Load()
    free: list[_Connection] = []

    async def one(number: int, due: float) -> None:
        connection = free.pop() if free else await _Connection.to(place)
        await connection.ask(request(number), status)
        load.times_s.append(time.perf_counter() - due)
        free.append(connection)

    began = time.perf_counter()
    tasks = []
    for number in range(round(per_second * seconds)):
        due = began + number / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    load.took_s = time.perf_counter() - began
    for connection in free:
        connection.close()
    return load


@dataclass(frozen=True, slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, place: tuple[str, int]) -> _Connection:
        return cls(*await asyncio.open_connection(*place))

    async def ask(self, request: bytes, status: int) -> None:
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        body = await self.reader.readexactly(_length(lines[1:]))
        if lines[0].split()[1] != str(status).encode():
            raise RuntimeError(f"{lines[0]!r}: {body[:300]!r}")

    def close(self) -> None:
        self.writer.close()


def _length(lines: Sequence[bytes]) -> int:
    return next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)
