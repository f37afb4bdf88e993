"""Measures what events cost: the scripts that tell them, on and off by turns, and the memory of what stays.

The whole life of a job in the ledger is what is measured, without any request: submit, claim, three steps.
What counts is the time that the server's scripts took, by its own statistics.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench.backlog import Bench, bring_in, emptied, make_rows
from bench.results import Table
from pipeline.events import want_events
from pipeline.ledger import Ledger, Manifests
from pipeline.producer import Producer, Source
from pipeline.store import Store
from tests.servers import Server, running_server

BATCH, NAMESPACE = "calls-2026", "gong-ingest"


def run(*, jobs: int = 1_000, turns: int = 9, kept: int = 100_000) -> Iterator[Table]:
    """Bring so many jobs to their end, by turns with events and without; then fill a stream."""
    with running_server() as server:
        store = Store(server.url, NAMESPACE)
        bench = Bench(server, store, Ledger(store, lease_ttl_s=30.0, attempts_max=20), Manifests(store))
        emptied(bench)
        off_us, on_us = [], []
        for _ in range(turns):
            off_us.append(_life_us(bench, jobs, kept=0))
            on_us.append(_life_us(bench, jobs, kept=kept))
        more_us = median(on - off for on, off in zip(on_us, off_us, strict=True))
        pending = [_pending_bytes(bench, jobs, kept=kept) for kept in (0, kept)]
        stream = _stream_bytes(server, store, kept)
        store.close()
    lines = [
        ("a job's whole life on the server, without events", f"{median(off_us):.1f} µs"),
        ("with them", f"{median(on_us):.1f} µs"),
        ("more, by turns", f"{more_us:.1f} µs"),
        ("memory of a pending job, without events", f"{pending[0]:,.0f} bytes"),
        ("with them", f"{pending[1]:,.0f} bytes"),
        (f"memory of a stream of {kept:,} events", f"{stream / 1e6:,.1f} MB"),
    ]
    notes = f"{jobs:,} jobs a turn, medians of {turns} turns; time in the server's scripts."
    yield Table("What events cost", notes, ("", "measured"), lines)


def _life_us(bench: Bench, jobs: int, *, kept: int) -> float:
    """Give the time that the server's scripts take for the life of a job."""
    _begin(bench, kept)
    bench.server.client.config_resetstat()
    _hand_in(bench, jobs)
    bring_in(bench, jobs)
    scripts = bench.server.client.info("commandstats")["cmdstat_evalsha"]
    return float(scripts["usec"]) / jobs


def _pending_bytes(bench: Bench, jobs: int, *, kept: int) -> float:
    _begin(bench, kept)
    empty = bench.memory_bytes
    _hand_in(bench, jobs)
    return (bench.memory_bytes - empty) / jobs


def _stream_bytes(server: Server, store: Store, kept: int) -> int:
    """Fill a stream with done recordings, as `finish` tells them, and give its size."""
    server.client.flushall()
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
    bench.server.client.flushall()
    if kept:
        want_events(bench.store, kept=kept, webhook=False)


def _hand_in(bench: Bench, jobs: int) -> None:
    for _ in Producer(bench.ledger, bench.manifests, batch=BATCH).backfill(make_rows(0, jobs), Source(BATCH)):
        pass
