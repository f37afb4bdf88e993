"""A worker that is asked to stop ends in time, and the next one goes on at once."""

from __future__ import annotations

import time

from pipeline.fleet import STOP_MARGIN_S
from tests.chaos.arena import STOP_GRACE_S, arena
from tests.chaos.scenarios import scenario
from tests.chaos.telling import tell
from tests.chaos.throttle import throttled
from tests.waiting import await_true

LEASE_TTL_S = 60.0
RECORDINGS = 3
SIZE_BYTES = 24_000_000
BYTES_PER_S = 1_000_000
# What a busy machine takes beyond the grace; the upload would take longer than both.
MORE_S = 10.0
# An answer that nobody waits for who asked twice.
SLOW_S = 60


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
        await_true(lambda: way.passed_bytes > SIZE_BYTES // 24, "an upload is under way", within_s=30)
        # when it is asked to stop
        first.terminate()
        asked_at = time.monotonic()
        first.process.wait(STOP_GRACE_S + 20)
        ended_s = time.monotonic() - asked_at
        counts = running.ledger.counts("stop")
        tell(f"The worker ended {ended_s:.1f} s after it was asked.")
        # then it ended in time with nothing in its hands, and nobody has to wait for a lease
        assert ended_s < STOP_GRACE_S + MORE_S
        assert counts.done < RECORDINGS
        assert counts.active == 0
        # and all comes in; an upload that had to be given up over its head waits for what is on its way
        way.bytes_per_s = 10 * SIZE_BYTES
        running.make_due("stop")
        running.fleet.add("second", queues="calls,media", concurrency=4)
        running.await_final("stop", within_s=120)
        assert running.audit() == []


@scenario()
def test_worker_that_is_asked_twice_hands_everything_back_at_once() -> None:
    with (
        arena(
            LEASE_TTL_S=f"{LEASE_TTL_S:g}",
            STOP_GRACE_S=f"{2 * SLOW_S}",
            READ_TIMEOUT_S=f"{2 * SLOW_S}",
            REQUEST_DEADLINE_S=f"{2 * SLOW_S}",
        ) as running,
        throttled(running.simulator.url) as way,
    ):
        way.bytes_per_s = BYTES_PER_S
        running.fleet.environment["GONG_BASE_URL"] = way.url
        # given a worker with one recording within its upload, and one whose create has no answer yet
        first = running.fleet.add("first", concurrency=4)
        running.hand_in("upload", 1, size_bytes=SIZE_BYTES)
        await_true(lambda: way.passed_bytes > 1_000_000, "an upload is under way", within_s=30)
        running.simulator.set_faults({"create.slow": f":{SLOW_S}-{SLOW_S}"})
        running.hand_in("create", 1)
        await_true(lambda: running.seen() == 3, "a create is under way", within_s=20)
        # when it is asked twice
        asked_at = time.monotonic()
        first.terminate()
        await_true(lambda: "Warm shutdown" in first.log.read_text("utf-8"), "it was asked once", within_s=20)
        first.terminate()
        first.process.wait(SLOW_S)
        ended_s = time.monotonic() - asked_at
        # then it left nothing in its hands, and the next one goes on at once
        active = sum(counts.active for counts in running.ledger.batches())
        await_true(lambda: not first.children(), "nothing of it is left", within_s=20)
        running.simulator.set_faults({})
        way.bytes_per_s = 10 * SIZE_BYTES
        for batch in ("upload", "create"):
            running.make_due(batch)
        running.fleet.add("second", concurrency=4)
        for batch in ("upload", "create"):
            running.await_final(batch, within_s=120)
        tell(f"The worker ended {ended_s:.1f} s after it was asked the first time of two.")
        assert active == 0
        assert ended_s < SLOW_S / 2
        assert running.audit() == []


@scenario()
def test_worker_that_is_asked_while_its_server_is_away_ends_all_the_same() -> None:
    with arena() as running:
        first = running.fleet.add("first", queues="calls,media", concurrency=2)
        running.hand_in("before", RECORDINGS)
        running.await_final("before", within_s=40)
        running.server.freeze()
        # when nothing it asks is answered any more
        first.terminate()
        first.process.wait(STOP_GRACE_S + STOP_MARGIN_S + 30)
        # then nothing of it is left
        await_true(lambda: not first.children(), "nothing of it is left", within_s=10)
        running.server.thaw()
        running.hand_in("after", RECORDINGS)
        running.fleet.add("second", queues="calls,media", concurrency=2)
        running.await_final("after", within_s=40)
        assert running.audit() == []
