"""Measures a backlog: handing in beside a bare pipelined HSET of the same bytes, memory, and the report.

The rows are checked already; each becomes a body, its hash and a compressed payload on the way. Both ways are
taken by turns in one run, and their ratio counts. The bare one writes the same bodies, as they are, under the
same ids. Memory of jobs is what the server says of itself, without what an empty ledger takes; that of who
hands a long backlog in is of a process that does nothing else.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bench.handing_in import BATCH, NAMESPACE, hand_in_all, make_rows, open_ledger
from bench.paces import COLUMNS, lines_of, pace_of
from bench.results import Table
from pipeline.call import encode_call
from pipeline.job import Lane, Step, job_id_of
from pipeline.ledger import Ledger, Manifests
from pipeline.manifest import Row
from pipeline.producer import Producer, Source
from pipeline.store import Store
from tests.servers import Server, running_server

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
        bench = Bench(server, store, open_ledger(store), Manifests(store))
        yield _handing_in(bench, turns)
        yield _at_length(bench, rows, finished)
        store.close()


def _handing_in(bench: Bench, turns: int) -> Table:
    rows = list(make_rows(TURN_ROWS))
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
    handed_in = _hand_in_elsewhere(bench, rows)
    pending = (bench.memory_bytes - empty) / rows
    report_s = _timed(lambda: sum(1 for _ in bench.manifests.records(BATCH)))
    empty = emptied(bench)
    hand_in_all(bench.ledger, bench.manifests, finished)
    bring_in(bench, finished)
    done = (bench.memory_bytes - empty) / finished
    lines = [
        ("handing in, with the making of the rows", f"{handed_in['seconds']:,.0f} s"),
        ("memory of the process that hands in, before", f"{handed_in['memory_bytes'] / 1e6:,.0f} MB"),
        ("at most", f"{handed_in['memory_max_bytes'] / 1e6:,.0f} MB"),
        ("memory of a pending job", f"{pending:,.0f} bytes"),
        ("memory of a done job", f"{done:,.0f} bytes"),
        ("report of all rows", f"{report_s:,.1f} s"),
    ]
    notes = (
        f"{rows:,} rows of about 700 bytes of JSON that wait, handed in by a process of its own that makes "
        f"them one at a time; then {finished:,} others, all of them done."
    )
    return Table("A long backlog", notes, ("", "measured"), lines)


def _hand_in_elsewhere(bench: Bench, rows: int) -> dict[str, Any]:
    """Hand in from a process of its own; give what it says of itself."""
    command = [sys.executable, "-m", "bench.handing_in", bench.server.url, str(rows)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def emptied(bench: Bench) -> int:
    """Empty the server, let it load every script, and give the memory that it uses then."""
    bench.server.client.execute_command("FLUSHALL", "SYNC")
    hand_in_all(bench.ledger, bench.manifests, CLAIM_WINDOW)
    bring_in(bench, CLAIM_WINDOW)
    bench.server.client.execute_command("FLUSHALL", "SYNC")
    return bench.memory_bytes


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
