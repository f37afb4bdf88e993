"""Measures a backlog: handing in beside a bare pipelined HSET of the same bytes, memory, and the report.

The rows are checked already; each becomes a body, its hash and a compressed payload on the way. Both ways are
taken by turns in one run, and their ratio counts. The bare one writes the same bodies, as they are, under the
same ids. Memory is what the server says of itself, without what an empty ledger takes.
"""

from __future__ import annotations

import hashlib
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from bench.paces import COLUMNS, lines_of, pace_of
from bench.results import Table
from pipeline.call import encode_call
from pipeline.job import Lane, Step, job_id_of
from pipeline.ledger import Ledger, Manifests
from pipeline.manifest import Row
from pipeline.producer import Producer, Source
from pipeline.store import Store
from tests.recordings import make_long_call
from tests.servers import Server, running_server

BATCH, NAMESPACE = "calls-2026", "gong-ingest"
# Rows of one turn of the comparison.
TURN_ROWS = 20_000
HSET_BUNDLE = 500
CLAIM_WINDOW = 500


@dataclass(frozen=True, slots=True)
class Bench:
    """A server with a ledger on it."""

    server: Server
    store: Store
    ledger: Ledger
    manifests: Manifests

    @property
    def memory_bytes(self) -> int:
        """Say how much memory the server uses."""
        return int(self.server.client.info("memory")["used_memory"])


def run(*, rows: int = 1_000_000, finished: int = 100_000, turns: int = 5) -> Iterator[Table]:
    """Measure with so many rows handed in, and so many of them brought in."""
    with running_server() as server:
        store = Store(server.url, NAMESPACE)
        ledger = Ledger(store, lease_ttl_s=30.0, attempts_max=20)
        bench = Bench(server, store, ledger, Manifests(store))
        yield _handing_in(bench, turns)
        yield _at_length(bench, rows, finished)
        store.close()


def make_rows(start: int, count: int) -> list[Row]:
    """Make rows of about 700 bytes of JSON each."""
    return [
        Row(number + 2, make_long_call(number), f"2026/02/17/{number}.wav")
        for number in range(start, start + count)
    ]


def _handing_in(bench: Bench, turns: int) -> Table:
    rows = make_rows(0, TURN_ROWS)
    ours, bare = [], []
    for _ in range(turns):
        bare.append(pace_of(bench.server, TURN_ROWS, lambda: _hset(bench, rows)))
        ours.append(pace_of(bench.server, TURN_ROWS, lambda: _hand_in(bench, rows)))
    bench.server.client.execute_command("FLUSHALL", "SYNC")
    notes = f"{TURN_ROWS:,} rows a turn, medians of {turns}."
    return Table("Handing in checked rows", notes, COLUMNS, lines_of("handing in", bare, ours))


def _hset(bench: Bench, rows: Sequence[Row]) -> None:
    remaining = iter(rows)
    while bundle := list(islice(remaining, HSET_BUNDLE)):
        pipe = bench.server.client.pipeline(transaction=False)
        for row in bundle:
            pipe.hset(f"bare:{job_id_of(row.call['clientUniqueId'])}", "body", encode_call(row.call))
        pipe.execute()


def _hand_in(bench: Bench, rows: Sequence[Row]) -> None:
    producer = Producer(bench.ledger, bench.manifests, batch=BATCH)
    for _ in producer.backfill(iter(rows), Source(BATCH)):
        pass


def _at_length(bench: Bench, rows: int, finished: int) -> Table:
    empty = emptied(bench)
    handed_in_s = _timed(lambda: _hand_in_all(bench, rows))
    pending = (bench.memory_bytes - empty) / rows
    own_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report_s = _timed(lambda: sum(1 for _ in bench.manifests.records(BATCH)))
    empty = emptied(bench)
    _hand_in_all(bench, finished)
    bring_in(bench, finished)
    done = (bench.memory_bytes - empty) / finished
    lines = [
        ("handing in, with the making of the rows", f"{handed_in_s:,.0f} s"),
        ("memory of the process that hands in", f"{own_mb:,.0f} MB"),
        ("memory of a pending job", f"{pending:,.0f} bytes"),
        ("memory of a done job", f"{done:,.0f} bytes"),
        ("report of all rows", f"{report_s:,.1f} s"),
    ]
    notes = f"{rows:,} rows of about 700 bytes of JSON that wait; then {finished:,} others, all of them done."
    return Table("A long backlog", notes, ("", "measured"), lines)


def emptied(bench: Bench) -> int:
    """Empty the server, let it load every script, and give the memory that it uses then."""
    bench.server.client.execute_command("FLUSHALL", "SYNC")
    _hand_in_all(bench, CLAIM_WINDOW)
    bring_in(bench, CLAIM_WINDOW)
    bench.server.client.execute_command("FLUSHALL", "SYNC")
    return bench.memory_bytes


def _hand_in_all(bench: Bench, rows: int) -> None:
    """Hand in so many rows, which are made on the way."""
    made = (
        row for start in range(0, rows, TURN_ROWS) for row in make_rows(start, min(TURN_ROWS, rows - start))
    )
    for _ in Producer(bench.ledger, bench.manifests, batch=BATCH).backfill(made, Source(BATCH)):
        pass


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def bring_in(bench: Bench, count: int) -> None:
    """Bring jobs to their end, as their steps would, without any request."""
    done = 0
    while done < count:
        for claim in bench.ledger.claim([Lane.BACKFILL], window=min(CLAIM_WINDOW, count - done)).jobs:
            call_id = str(7_782_342_274_025_937_895 - done)
            details = {
                Step.VALIDATE: {"size_bytes": "512044"},
                Step.CREATE_CALL: {"call_id": call_id},
                Step.UPLOAD_MEDIA: {
                    "bytes": "512044",
                    "sha256": hashlib.sha256(call_id.encode()).hexdigest(),
                    "url": f"https://app.gong.io/call?id={call_id}",
                },
            }
            for step in claim.steps:
                held = bench.ledger.begin_step(claim.job_id, claim.lease_token, step, run=claim.job_id)
                bench.ledger.record_step(held, details[step])
            done += 1
