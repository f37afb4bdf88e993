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
ASKED = 20
COLUMNS = ("", "p50", "p99", "longest", "bound")


def latency(*, count: int = 100) -> Iterator[Table]:
    """Enqueue so many recordings, one after the other, each when the one before is in."""
    with (
        recordings(count + 1, size_bytes=4_000) as made,
        place(made) as here,
        OURS.working(here, workers=1, concurrency=PROCESSES),
    ):
        starts_at, uncertain_s = _simulators_start(here)
        handed_in, arrived = _enqueue_all(here, count, starts_at)
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
        "the check of the recording, and a slot of the limiter. The clocks of both ends are read so that no "
        f"wait is told too short; each may be told too long by up to {uncertain_s * 1000:.1f} ms."
    )
    yield Table("An idle fleet", notes, COLUMNS, [row])


def _simulators_start(here: Place) -> tuple[float, float]:
    """Give when the simulator started, on the monotonic clock of this machine, and by how much it is late.

    The simulator reads the clock while it is asked: of the time before and after, the one after is taken, so
    its start is never told too early, and no wait too short. The quickest of some answers tells it best.
    """

    def asked() -> tuple[float, float]:
        before = time.monotonic()
        elapsed_s = here.simulator.health()["elapsed_s"]
        after = time.monotonic()
        return after - before, after - elapsed_s

    uncertain_s, starts_at = min(asked() for _ in range(ASKED))
    return starts_at, uncertain_s


def _enqueue_all(here: Place, count: int, starts_at: float) -> tuple[list[float], list[float]]:
    """Give when each was handed in and when its create arrived, in seconds since the simulator's start."""
    random, handed_in = Random(1), []
    with Pipeline(Settings(redis_url=here.server.url, namespace=NAMESPACE), batch=BATCH) as pipeline:
        # The first one waits for the second of silence with which every pace begins, and is left out.
        for number in range(count + 1):
            time.sleep(random.uniform(*PAUSE_S))
            handed_in.append(time.monotonic() - starts_at)
            pipeline.enqueue(make_call(f"live-{number}"), media=f"media/{number}.wav")
            await_true(lambda: here.ledger.counts(BATCH).done > number, "it is in", within_s=30)  # noqa: B023
    rows = here.simulator.record("calls=0")["requests"]
    return handed_in[1:], [at_s for at_s, method, *_ in rows if method == "POST"][1:]
