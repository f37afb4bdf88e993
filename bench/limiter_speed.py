"""How many acquires a second one core of the server takes, and what memory the day's window needs.

Commands go down one connection in bundles and raw, and only their answers' kinds are looked at: so the server
is what is measured. The arguments are those that `Limiter.acquire` gives, with the time put in.
"""

from __future__ import annotations

import hashlib
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any

from bench.results import Table
from pipeline.job import Lane
from pipeline.limiter import Limiter, Limits
from pipeline.scripts import script_text
from pipeline.store import Store
from tests.servers import Server, running_server

NAMESPACE = "bench"
STARTS_AT_US = 1_700_000_000_000_000
DAY_US = 86_400 * 1_000_000
BUNDLE = 500
CALLS, RUNS = 20_000, 5
MARKER = b"the end of this bundle"


class _Arguments(Store):
    """Keeps what the limiter would send; a clock of the limiter's own puts the time first."""

    def __init__(self) -> None:
        super().__init__("unix:///nowhere", NAMESPACE)
        self.kept: tuple[str | bytes | float, ...] = ()

    def begin(self, name: str, *arguments: str | bytes | float) -> Any:
        """Keep the arguments instead of sending a script."""
        self.kept = arguments
        return _Answered(["later", "0", name])


@dataclass(frozen=True, slots=True)
class _Answered:
    """What stands for a script that was sent."""

    values: list[str]
    sent_at: float | None = None

    def answer(self) -> list[str]:
        """Give what the limiter is to be told."""
        return self.values


@dataclass(frozen=True, slots=True)
class _Speed:
    """Acquires a second: on the wall clock, and by the processor time of the server."""

    by_wall: float
    by_processor: float


class _Wire:
    """One connection to a server, for commands that are written beforehand."""

    def __init__(self, server: Server, limits: Limits) -> None:
        self._server = server
        path = server.url.removeprefix("unix://")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        arguments = _Arguments()
        Limiter(arguments, limits, clock=lambda: 0.0).acquire(Lane.BACKFILL)
        text = script_text("acquire")
        server.client.script_load(text)
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._head = _bulks("EVALSHA", digest, 1, f"{NAMESPACE}:")
        self._tail = _bulks(*arguments.kept[1:])
        self._count = 5 + len(arguments.kept) - 1

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def acquire(self, now_us: Iterator[int | str], count: int) -> bytes:
        """Acquire so many times, each at the next of the instants; give all the answers."""
        answers = []
        while bundle := b"".join(map(self._command, islice(now_us, min(count, BUNDLE)))):
            count -= BUNDLE
            self._socket.sendall(bundle + b"*2\r\n" + _bulks("ECHO", MARKER.decode()))
            answers.append(self._answers())
            if count <= 0:
                break
        return b"".join(answers)

    def _command(self, now_us: int | str) -> bytes:
        return b"*%d\r\n" % self._count + self._head + _bulks(now_us) + self._tail

    def _answers(self) -> bytes:
        received = bytearray()
        while not received.endswith(MARKER + b"\r\n"):
            received += self._socket.recv(1 << 20)
        if b"\r\n-" in received or received.startswith(b"-"):
            raise RuntimeError(f"The script failed: {bytes(received[:300])!r}.")
        return bytes(received)


def _bulks(*values: str | bytes | float) -> bytes:
    """Give values as the server's protocol has them."""
    texts = (str(value).encode() for value in values)
    return b"".join(b"$%d\r\n%s\r\n" % (len(text), text) for text in texts)


def run(*, grants: tuple[int, ...] = (10_000, 1_000_000)) -> Iterator[Table]:
    """Measure the speed of the script, and the memory of a window for each number of grants."""
    yield _speed_table()
    yield _memory_table(grants)


def _speed_table() -> Table:
    rows = []
    for journal in ("no", "yes"):
        for name, measure in (("granted", _speed_of_grants), ("refused for the second", _speed_of_refusals)):
            with running_server(appendonly=journal) as server:
                speed = measure(server)
            rows.append([name, journal, f"{speed.by_wall:,.0f}", f"{speed.by_processor:,.0f}"])
    notes = (
        "`acquire.lua` with both limits set, an open gate and 10,000 grants in the day's window; one "
        f"connection, {BUNDLE} commands a bundle; medians of {RUNS} runs of {CALLS:,}. Granted: with each "
        "slot the oldest leaves the window, as in a day that is used up evenly."
    )
    columns = (
        "answer",
        "append-only file",
        "acquires a second",
        "acquires a second of the server's processor",
    )
    return Table("Acquires a second", notes, columns, rows)


def _speed_of_grants(server: Server) -> _Speed:
    step_us = DAY_US // 10_000
    with closing(_Wire(server, Limits(3.0, 12_000, 0.01, 1, 0.1))) as wire:
        instants = _every(step_us)
        _must_be(wire.acquire(instants, 10_100), b"granted", 10_000)
        return _speed(server, lambda: _must_be(wire.acquire(instants, CALLS), b"granted", CALLS))


def _speed_of_refusals(server: Server) -> _Speed:
    with closing(_Wire(server, Limits(3.0, 12_000, 0.01, 1, 0.1))) as wire:
        instants = _every(DAY_US // 10_000)
        _must_be(wire.acquire(instants, 10_100), b"granted", 10_000)
        standing = repeat(next(instants))
        wire.acquire(standing, 100)
        return _speed(server, lambda: _must_be(wire.acquire(standing, CALLS), b"later", CALLS))


def _speed(server: Server, measured: Callable[[], None]) -> _Speed:
    walls, processors = [], []
    for _ in range(RUNS):
        busy_s, began_at = _processor_s(server), time.perf_counter()
        measured()
        walls.append(CALLS / (time.perf_counter() - began_at))
        processors.append(CALLS / (_processor_s(server) - busy_s))
    return _Speed(statistics.median(walls), statistics.median(processors))


def _processor_s(server: Server) -> float:
    info = server.client.info("cpu")
    return float(info["used_cpu_user_main_thread"]) + float(info["used_cpu_sys_main_thread"])


def _memory_table(counts: tuple[int, ...]) -> Table:
    rows = []
    for count in counts:
        with running_server(appendonly="no") as server:
            used_bytes = _memory_of_window(server, count)
        rows.append([f"{count:,}", f"{used_bytes / 1024:,.0f} KiB", f"{used_bytes / count:.1f} bytes"])
    notes = "All keys of the limiter, by the server's `MEMORY USAGE`; filled by the script itself."
    return Table("Memory of the day's window", notes, ("grants", "memory", "each"), rows)


def _memory_of_window(server: Server, count: int) -> int:
    step_us = DAY_US // (count + count // 10)
    limits = Limits(1.05e6 / step_us, 2 * count, 0.01, 1, 0.1)
    with closing(_Wire(server, limits)) as wire:
        _must_be(wire.acquire(_every(step_us), count + 100), b"granted", count)
    keys = server.client.scan_iter(f"{NAMESPACE}:*")
    return sum(int(server.client.memory_usage(key, samples=0)) for key in keys)


def _every(step_us: int) -> Iterator[int]:
    now_us = STARTS_AT_US
    while True:
        now_us += step_us
        yield now_us


def _must_be(answers: bytes, kind: bytes, count: int) -> None:
    found = answers.count(kind)
    if found < count:
        raise RuntimeError(f"Of {count} answers only {found} are {kind.decode()!r}: {answers[:300]!r}.")
