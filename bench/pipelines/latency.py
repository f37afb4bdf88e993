"""How soon the request for a recording is on the wire when the fleet has nothing to do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random

from bench.contenders.ours import BATCH
from bench.figures import percentile
from bench.pipelines.contenders import OURS
from bench.pipelines.place import NAMESPACE, Place, place, recordings
from bench.results import Table
from pipeline import Pipeline
from pipeline.settings import Settings
from tests.recordings import make_call
from tests.waiting import await_true

PROCESSES = 2
P50_S, P99_S = 0.05, 0.2
# Between two recordings, so that nothing of the one before is under way.
PAUSE_S = (0.1, 0.4)
COLUMNS = ("", "p50", "p99", "longest", "bound")


def latency(*, count: int = 100) -> Iterator[Table]:
    """Enqueue so many recordings, one after the other, each when the one before is in."""
    with (
        recordings(count + 1, size_bytes=4_000) as made,
        place(made) as here,
        OURS.working(here, workers=1, concurrency=PROCESSES),
    ):
        handed_in, arrived = _enqueue_all(here, count)
    waits_s = [came - asked for asked, came in zip(handed_in, arrived, strict=True)]
    row = (
        "from the call of enqueue to the create's arrival",
        f"{percentile(waits_s, 0.5) * 1000:.0f} ms",
        f"{percentile(waits_s, 0.99) * 1000:.0f} ms",
        f"{max(waits_s) * 1000:.0f} ms",
        f"p50 {P50_S * 1000:.0f} ms, p99 {P99_S * 1000:.0f} ms",
    )
    notes = (
        f"{count} recordings, each handed in when the one before is in and a moment has passed; a worker of "
        f"{PROCESSES} processes, limits lifted. In between lie the ledger, the dispatcher, the broker twice, "
        "the check of the recording, and a slot of the limiter."
    )
    yield Table("An idle fleet", notes, COLUMNS, [row])


def _enqueue_all(here: Place, count: int) -> tuple[list[float], list[float]]:
    """Give when each was handed in and when its create arrived, in seconds since the simulator's start."""
    random, handed_in = Random(1), []
    # Both are on this machine's monotonic clock.
    starts_at = time.monotonic() - here.simulator.health()["elapsed_s"]
    with Pipeline(Settings(redis_url=here.server.url, namespace=NAMESPACE), batch=BATCH) as pipeline:
        # The first one waits for the second of silence with which every pace begins, and is left out.
        for number in range(count + 1):
            time.sleep(random.uniform(*PAUSE_S))
            handed_in.append(time.monotonic() - starts_at)
            pipeline.enqueue(make_call(f"live-{number}"), media=f"media/{number}.wav")
            await_true(lambda: here.ledger.counts(BATCH).done > number, "it is in", within_s=30)  # noqa: B023
    rows = here.simulator.record("calls=0")["requests"]
    return handed_in[1:], [at_s for at_s, method, *_ in rows if method == "POST"][1:]
