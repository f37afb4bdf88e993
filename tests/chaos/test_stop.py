"""A worker that is asked to stop ends in time, and the next one goes on at once."""

from __future__ import annotations

import time

from tests.chaos.arena import STOP_GRACE_S, arena
from tests.chaos.scenarios import scenario
from tests.chaos.telling import tell
from tests.chaos.throttle import throttled
from tests.waiting import await_true

LEASE_TTL_S = 60.0
RECORDINGS = 3
SIZE_BYTES = 24_000_000
BYTES_PER_S = 3_000_000
MORE_S = 4.0


@scenario()
def test_worker_that_stops_within_an_upload_hands_everything_back() -> None:
    with (
        arena(per_second=4, LEASE_TTL_S=f"{LEASE_TTL_S:g}") as running,
        throttled(running.simulator.url) as way,
    ):
        way.bytes_per_s = BYTES_PER_S
        running.fleet.environment["GONG_BASE_URL"] = way.url
        # given a worker within a slow upload, while its other processes wait for slots
        first = running.fleet.add("first", queues="calls,media", concurrency=4)
        running.hand_in("stop", RECORDINGS, size_bytes=SIZE_BYTES)
        await_true(lambda: way.passed_bytes > SIZE_BYTES // 8, "an upload is under way", within_s=30)
        # when it is asked to stop
        first.terminate()
        asked_at = time.monotonic()
        first.process.wait(STOP_GRACE_S + 20)
        ended_s = time.monotonic() - asked_at
        counts = running.ledger.counts("stop")
        way.bytes_per_s = 10 * SIZE_BYTES
        running.fleet.add("second", queues="calls,media", concurrency=4)
        running.await_final("stop", within_s=40)
        took_s = time.monotonic() - asked_at
        tell(f"The worker ended {ended_s:.1f} s after it was asked; all was done after {took_s:.1f} s.")
        # then it ended in time with nothing in its hands, and nobody had to wait for a lease
        assert ended_s < STOP_GRACE_S + MORE_S
        assert counts.done < RECORDINGS
        assert took_s < LEASE_TTL_S / 2
        assert running.audit() == []
