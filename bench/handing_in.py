"""A process that hands rows in as a producer does, so that its memory is its own.

    python -m bench.handing_in URL ROWS

Writes a line of JSON: how long it took, with the making of the rows, and its memory before and at most.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

from bench.processes import own_bytes
from pipeline.ledger import Ledger, Manifests
from pipeline.manifest import Row
from pipeline.producer import Producer, Source
from pipeline.store import Store
from tests.recordings import make_long_call

BATCH, NAMESPACE = "calls-2026", "gong-ingest"


def make_rows(count: int) -> Iterator[Row]:
    """Make rows of about 700 bytes of JSON each, one at a time."""
    for number in range(count):
        yield Row(number + 2, make_long_call(number), f"2026/02/17/{number}.wav")


def open_ledger(store: Store) -> Ledger:
    """Open the ledger on that store."""
    return Ledger(store, lease_ttl_s=30.0, attempts_max=20)


def hand_in_all(ledger: Ledger, manifests: Manifests, rows: int) -> None:
    """Hand in so many rows, which are made on the way."""
    for _ in Producer(ledger, manifests, batch=BATCH).backfill(make_rows(rows), Source(BATCH)):
        pass


def main() -> None:
    """Hand in, and say how it went."""
    url, rows = sys.argv[1], int(sys.argv[2])
    store = Store(url, NAMESPACE)
    ledger, manifests = open_ledger(store), Manifests(store)
    idle_bytes, began_s = own_bytes("VmRSS"), time.perf_counter()
    hand_in_all(ledger, manifests, rows)
    seconds = time.perf_counter() - began_s
    store.close()
    answer = {"seconds": seconds, "memory_bytes": idle_bytes, "memory_max_bytes": own_bytes("VmHWM")}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
