"""What a fleet needs: the memory of its workers, the processes that a rate takes, and what follows from both.

A job is out of the ledger from its claim until it is done, and there are never more of these than processes
for uploads. So by Little's law a rate takes as many processes as the rate times that time: the answers to
create and upload, and the bytes. The first two tables measure that, the third computes by it.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product

from bench.contenders.ours import BATCH
from bench.pipelines.contenders import OURS
from bench.pipelines.place import Place, place, recordings
from bench.processes import memory_bytes, sessions_below
from bench.results import Table
from tests.chaos.fleet import ROOT, Fleet
from tests.waiting import await_true

READY_WITHIN_S, DONE_WITHIN_S = 60.0, 600.0
LOOK_INTERVAL_S = 0.1
# A worker that uploads holds a block or two of its file, however large that is (Uploads beside curl).
LOAD_BYTES, LOAD_EACH, LOAD_LATENCY = 8_000_000, 3, "0.5-0.5"
LIMIT_PER_S, LATENCY_S, EACH_S = 10.0, 1.0, 20.0
# Of the computed table: what the API lets a company do, a recording's size, what an upload gets of the line.
LIMITS = ((3, 10_000), (10, 100_000), (25, 1_000_000))
SIZES_MB = (1, 10, 100)
LINE_MB_PER_S, ANSWER_S = 10.0, 1.0
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one worker with so many processes, in bytes."""

    processes: int
    rest: int
    load: int


def sizing(
    *, sizes: Sequence[int] = (1, 4, 8, 16), processes: Sequence[int] = (5, 10, 20, 30)
) -> Iterator[Table]:
    """Measure workers of these sizes, and fleets of so many processes under a limit; compute the rest."""
    measured = [_memory(size) for size in sizes]
    yield _memory_table(measured)
    yield _processes_table(processes)
    yield _fleets_table(measured)


def _memory(processes: int) -> Memory:
    """Look at a worker for media before it works, and all the while that every process uploads."""
    with (
        recordings(processes * LOAD_EACH, size_bytes=LOAD_BYTES) as made,
        place(made, latency=LOAD_LATENCY) as here,
        _worker(here, "media", processes) as media,
    ):
        rest = memory_bytes(sessions=sessions_below(media.pid))
        with _worker(here, "calls", processes):
            program = OURS.program(here, processes)
            program.go()
            most = 0
            while here.ledger.counts(BATCH).done < made.count:
                most = max(most, memory_bytes(sessions=sessions_below(media.pid)))
                time.sleep(LOOK_INTERVAL_S)
            program.end()
    return Memory(processes, rest, most)


@contextmanager
def _worker(here: Place, queue: str, processes: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker as people do, from when the fleet knows it."""
    before = here.ledger.fleet().workers
    command = ["worker", "--queue", queue, "--concurrency", str(processes)]
    with (here.logs / f"{queue}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", *command],
            cwd=ROOT,
            env=here.environment() | {"GONG_INGEST_STOP_GRACE_S": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await_true(
            lambda: here.ledger.fleet().workers > before, f"it is there ({queue})", within_s=READY_WITHIN_S
        )
        yield process
    finally:
        process.terminate()
        process.wait(READY_WITHIN_S)


def _memory_table(measured: Sequence[Memory]) -> Table:
    notes = (
        "`gong-ingest worker --queue media`: the command, the worker's own process, and those that upload, "
        "what they share counted once (PSS). Under load every process uploads files of "
        f"{LOAD_BYTES / 1e6:.0f} MB, one after another. By the first and the last row one process takes "
        f"{_each(measured) / 1e6:.0f} MB, and the rest {_base(measured) / 1e6:.0f} MB."
    )
    rows = [(f"{each.processes}", f"{each.rest / 1e6:.0f}", f"{each.load / 1e6:.0f}") for each in measured]
    return Table("Memory of a worker", notes, ("processes", "at rest, MB", "under load, MB"), rows)


def _each(measured: Sequence[Memory]) -> float:
    """Give what one more process takes under load, in bytes."""
    first, last = measured[0], measured[-1]
    return (last.load - first.load) / (last.processes - first.processes)


def _base(measured: Sequence[Memory]) -> float:
    return measured[0].load - measured[0].processes * _each(measured)


def _processes_table(sizes: Sequence[int]) -> Table:
    rows = [_under_limit(size) for size in sizes]
    notes = (
        "Workers for calls and for media with so many processes each, at a limit of "
        f"{LIMIT_PER_S:g} requests/s, every answer after {LATENCY_S:g} s: a recording of two requests takes "
        f"{2 * LATENCY_S:g} s, hence the second column. The last one is what the ledger's server receives "
        "and sends, all in all."
    )
    columns = (
        "processes for media",
        "requests/s by Little's law",
        "measured",
        "of the limit",
        "server's kB a recording",
    )
    return Table("Processes that a rate takes", notes, columns, rows)


def _under_limit(processes: int) -> tuple[str, ...]:
    predicted = min(LIMIT_PER_S, processes / LATENCY_S)
    count = max(20, int(predicted / 2 * EACH_S))
    with (
        recordings(count) as made,
        place(made, per_second=LIMIT_PER_S, latency=f"{LATENCY_S}-{LATENCY_S}") as here,
    ):
        fleet = Fleet(here.environment(), here.logs)
        try:
            for queue in ("calls", "media"):
                fleet.add(queue, queues=queue, concurrency=processes)
            await_true(lambda: here.ledger.fleet().workers == 2, "both are there", within_s=READY_WITHIN_S)
            program = OURS.program(here, processes)
            before = _net_bytes(here)
            program.go()
            program.await_done()
            await_true(lambda: here.ledger.counts(BATCH).done == count, "all are in", within_s=DONE_WITHIN_S)
            used = _net_bytes(here) - before
            counts = here.ledger.counts(BATCH)
            program.end()
        finally:
            fleet.end()
    # From the first request to the last: neither the start nor the last answer counts.
    rate = (counts.requests - 1) / (counts.last_request_at - counts.first_request_at)
    return (
        f"{processes}",
        f"{predicted:.1f}",
        f"{rate:.1f}",
        f"{rate / LIMIT_PER_S:.0%}",
        f"{used / count / 1000:.0f}",
    )


def _net_bytes(here: Place) -> int:
    told = here.server.client.info("stats")
    return int(told["total_net_input_bytes"] + told["total_net_output_bytes"])


def _fleets_table(measured: Sequence[Memory]) -> Table:
    rows = [
        fleet_row(per_s, per_day, size_mb, measured)
        for (per_s, per_day), size_mb in product(LIMITS, SIZES_MB)
    ]
    notes = (
        f"Computed. An upload gets {LINE_MB_PER_S:g} MB/s of the line, and each answer takes {ANSWER_S:g} s. "
        "Processes are those for media of the whole fleet, at least: with the first number the day's budget "
        "is used up within the day, with the second the limit of a second is used, so that it is used up "
        "sooner and then waited for. Memory is that of one worker for media with so many, and of one for "
        "calls. The line is that of a full day."
    )
    columns = (
        *("requests/s", "a day", "MB each", "recordings a day", "line, Mbit/s"),
        *("processes, day", "processes, second", "memory, day", "memory, second"),
    )
    return Table("Fleets", notes, columns, rows)


def fleet_row(per_s: int, per_day: int, size_mb: int, measured: Sequence[Memory]) -> tuple[str, ...]:
    """Compute one row of the table of fleets."""
    a_day = min(per_day, per_s * DAY_S) / 2
    out_s = 2 * ANSWER_S + size_mb / LINE_MB_PER_S
    by_day, by_second = (max(1, math.ceil(rate * out_s)) for rate in (a_day / DAY_S, per_s / 2))
    calls = max(1, math.ceil(per_s / 2 * ANSWER_S))
    memory = [2 * _base(measured) + (calls + each) * _each(measured) for each in (by_day, by_second)]
    return (
        f"{per_s}",
        f"{per_day:,}",
        f"{size_mb}",
        f"{a_day:,.0f}",
        f"{a_day / DAY_S * size_mb * 8:,.1f}",
        f"{by_day}",
        f"{by_second}",
        *(f"{each / 1e9:.1f} GB" for each in memory),
    )
