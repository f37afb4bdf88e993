"""Measures what events cost: the scripts that tell them, on and off by turns, and the memory of what stays.

The whole life of a job in the ledger is what is measured, without any request: submit, claim, three steps.
What counts is the time that the server's scripts took, by its own statistics. That is time on the clock: a
machine that does other things meanwhile makes it longer, by more than events do. So turns are short and many,
each with one of the other kind right beside it, and every second pair is the other way round. The server is
emptied before a turn begins: unless told to wait it does so in the background, while the turn runs. It writes
no file: what it writes is not in the time of a script, but waits for a disk made the next scripts slower.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import quantiles

from bench.backlog import Bench, bring_in, emptied
from bench.handing_in import BATCH, NAMESPACE, hand_in_all, open_ledger
from bench.results import Table
from pipeline.events import want_events
from pipeline.ledger import Manifests
from pipeline.store import Store
from tests.servers import Server, running_server

# Jobs that wait while memory is measured.
PENDING = 10_000


def run(*, jobs: int = 50, turns: int = 500, kept: int = 100_000) -> Iterator[Table]:
    """Bring so many jobs to their end, by turns with events and without; then fill a stream."""
    with running_server(appendonly="no") as server:
        store = Store(server.url, NAMESPACE)
        bench = Bench(server, store, open_ledger(store), Manifests(store))
        emptied(bench)
        off_us, on_us = _lives_us(bench, jobs, turns, kept)
        more_us = [on - off for on, off in zip(on_us, off_us, strict=True)]
        pending = [_pending_bytes(bench, kept=kept) for kept in (0, kept)]
        stream = _stream_bytes(server, store, kept)
        store.close()
    lines = [
        ("a job's whole life on the server, without events", *_texts(off_us)),
        ("with them", *_texts(on_us)),
        ("more, by pairs of turns", *_texts(more_us)),
        ("memory of a pending job, without events", f"{pending[0]:,.0f} bytes", ""),
        ("with them", f"{pending[1]:,.0f} bytes", ""),
        (f"memory of a stream of {kept:,} events", f"{stream / 1e6:,.1f} MB", ""),
    ]
    notes = (
        f"{turns} pairs of turns of {jobs:,} jobs, without events and with them, every second pair the other "
        "way round. Time is that in the server's scripts, on the clock: medians of the turns, then of the "
        "differences within the pairs, with the middle half of them. The differences count: the machine is "
        f"slower at one time than at another, but hardly within a pair. {PENDING:,} jobs wait while memory "
        "is measured."
    )
    yield Table("What events cost", notes, ("", "measured", "middle half"), lines)


def _texts(values_us: Sequence[float]) -> tuple[str, str]:
    """Write a median, and between what the middle half of the values lies."""
    low, middle, high = quantiles(values_us, n=4, method="inclusive")
    return f"{middle:.1f} µs", f"{low:.1f} to {high:.1f} µs"


def _lives_us(bench: Bench, jobs: int, turns: int, kept: int) -> tuple[list[float], list[float]]:
    """Measure without events and with them, one right after the other, in an order that changes."""
    off_us, on_us = [], []
    for number in range(turns):
        if number % 2:
            on_us.append(_life_us(bench, jobs, kept=kept))
        off_us.append(_life_us(bench, jobs, kept=0))
        if not number % 2:
            on_us.append(_life_us(bench, jobs, kept=kept))
    return off_us, on_us


def _life_us(bench: Bench, jobs: int, *, kept: int) -> float:
    """Give the time that the server's scripts take for the life of a job."""
    _begin(bench, kept)
    bench.server.client.config_resetstat()
    hand_in_all(bench.ledger, bench.manifests, jobs)
    bring_in(bench, jobs)
    scripts = bench.server.client.info("commandstats")["cmdstat_evalsha"]
    return float(scripts["usec"]) / jobs


def _pending_bytes(bench: Bench, *, kept: int) -> float:
    _begin(bench, kept)
    empty = bench.memory_bytes
    hand_in_all(bench.ledger, bench.manifests, PENDING)
    return (bench.memory_bytes - empty) / PENDING


def _stream_bytes(server: Server, store: Store, kept: int) -> int:
    """Fill a stream with done recordings, as `finish` tells them, and give its size."""
    server.client.execute_command("FLUSHALL", "SYNC")
    want_events(store, kept=kept, webhook=False)
    with server.client.pipeline(transaction=False) as pipe:
        for number in range(kept):
            pipe.xadd(f"{NAMESPACE}:events", _event(number))
        pipe.execute()
    return int(server.client.memory_usage(f"{NAMESPACE}:events", samples=0))


def _event(number: int) -> dict[str, str]:
    return {
        "type": "recording.done",
        "at": str(1_790_000_000_000 + number * 350),
        "batch": BATCH,
        "client_unique_id": f"pbx-2026-{number:07}",
        "job_id": f"{number:024x}",
        "call_id": str(7_782_342_274_025_937_895 - number),
        "reason": "",
        "step": "",
        "request_id": "",
        "accepted_at": str(1_790_000_000_000),
    }


def _begin(bench: Bench, kept: int) -> None:
    bench.server.client.execute_command("FLUSHALL", "SYNC")
    if kept:
        want_events(bench.store, kept=kept, webhook=False)
