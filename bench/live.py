"""Measures how soon a live recording's create leaves while a long backfill is under way.

The whole way, with real workers and the simulator under the API's limits: from the call of `enqueue` to the
arrival of the request. The recordings come at random moments, on average one in two of the slots is left to
the backfill. All of them have a link instead of media, so each takes one request.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from bench.figures import percentile
from bench.results import Table
from pipeline import Pipeline
from pipeline.job import Lane, Submission
from pipeline.recording import submission_of
from pipeline.settings import Settings
from tests.chaos.arena import NAMESPACE, Arena, arena
from tests.recordings import make_call, make_long_call
from tests.waiting import await_true

PER_S = 3.0
CONCURRENCY = 4
# A bundle of the producer's, as often as it takes.
BUNDLE = 20_000
# Between two live recordings: on average two slots, of which one is theirs.
PAUSE_S = (0.1, 1.3)
# The target: a second, and one slot of the rate.
BOUND_S = 1.0 + 1 / PER_S


def run(*, jobs: int, live: int) -> Iterator[Table]:
    """Let so many jobs wait in the backfill, and hand so many live ones in meanwhile."""
    with arena(per_second=PER_S, simulator={"requests_per_second": PER_S}, LEASE_TTL_S="30") as running:
        _fill(running, jobs)
        running.fleet.add("calls", queues="calls", concurrency=CONCURRENCY)
        running.fleet.add("media", queues="media", concurrency=CONCURRENCY)
        await_true(lambda: running.seen() >= 10, "the backfill is under way", within_s=120)
        handed_in = _hand_in(running, live)
        await_true(lambda: not running.ledger.counts("live").waiting, "all are brought in", within_s=120)
        waits = _waits(running, handed_in)
        limited = running.simulator.record("calls=0&requests=0")["totals"]
    yield _table(waits, jobs=jobs, limited=_count_429(limited))


def _fill(running: Arena, jobs: int) -> None:
    for start in range(0, jobs, BUNDLE):
        numbers = range(start, min(start + BUNDLE, jobs))
        running.ledger.submit([_submission(each) for each in numbers], batch="backfill", lane=Lane.BACKFILL)


def _submission(number: int) -> Submission:
    return submission_of(
        make_long_call(number) | {"downloadMediaUrl": f"https://pbx.invalid/{number}.wav"}, None
    )


def _hand_in(running: Arena, live: int) -> dict[str, float]:
    """Hand live ones in at random moments; gives when that was begun, in seconds since the epoch."""
    chance, handed_in = random.Random(1), dict[str, float]()
    with Pipeline(Settings(redis_url=running.server.url, namespace=NAMESPACE)) as pipeline:
        for number in range(live):
            name = f"live-{number}"
            call = make_call(name, downloadMediaUrl=f"https://pbx.invalid/{name}.wav")
            handed_in[name] = time.time()
            pipeline.enqueue(call)
            time.sleep(chance.uniform(*PAUSE_S))
    return handed_in


def _waits(running: Arena, handed_in: dict[str, float]) -> list[float]:
    """Give how long after that each create arrived; the calls are recorded in the order of their creates."""
    record = running.simulator.record()
    started = datetime.fromisoformat(record["started_at"]).timestamp()
    creates = [started + row[0] for row in record["requests"] if row[1] == "POST" and row[3] in {200, 201}]
    arrived = {call["clientUniqueId"]: at for call, at in zip(record["calls"], creates, strict=True)}
    return [arrived[name] - began for name, began in handed_in.items()]


def _count_429(totals: dict[str, dict[str, int]]) -> int:
    return sum(counts.get("429", 0) for counts in totals.values())


def _table(waits: Sequence[float], *, jobs: int, limited: int) -> Table:
    lines = [
        ("median", f"{percentile(waits, 0.5):.2f} s"),
        ("p99", f"{percentile(waits, 0.99):.2f} s"),
        ("worst", f"{max(waits):.2f} s"),
        ("answers 429", f"{limited:,}"),
    ]
    notes = (
        f"{jobs:,} jobs wait in the backfill; {len(waits):,} live ones, one every {sum(PAUSE_S) / 2:g} s on "
        f"average, at {PER_S:g} requests/s. The bound for the p99 is 1 s and a slot: {BOUND_S:.2f} s."
    )
    return Table("From `enqueue` to the arrival of the create", notes, ("", "measured"), lines)
