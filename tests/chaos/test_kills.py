"""Workers and their processes are killed at random; nothing is lost and nothing doubled."""

from __future__ import annotations

import signal
import time
from random import Random

from pipeline.job import State, job_id_of
from tests.chaos.arena import REQUESTS_PER_DAY, Arena, arena, new_seed
from tests.chaos.scenarios import scenario
from tests.chaos.telling import tell
from tests.chaos.waiting import hold_true
from tests.waiting import await_true

RECORDINGS, KILLS = 300, 30
# More than the machine can make: whoever is alive works as fast as it can.
LIFTED = 5_000.0


@scenario(waits_s=20)
def test_backfill_survives_30_kills_at_random_moments() -> None:
    random = Random(new_seed())
    no_limits = {"requests_per_second": 2 * LIFTED, "requests_per_day": REQUESTS_PER_DAY}
    with arena(per_second=LIFTED, simulator=no_limits) as running:
        for name in ("one", "two"):
            running.fleet.add(f"calls-{name}", queues="calls", concurrency=2)
            running.fleet.add(f"media-{name}", queues="media", concurrency=4)
        running.hand_in("kills", RECORDINGS)
        # so many requests were made when the next kill comes
        for moment in sorted(random.sample(range(1, RECORDINGS), KILLS)):
            _await_requests(running, moment)
            _kill(running, random)
        assert running.ledger.counts("kills").waiting
        counts = running.await_final("kills", within_s=60)
        assert counts.done == RECORDINGS
        assert running.fleet.kills == KILLS
        assert running.audit() == []


def _await_requests(running: Arena, count: int) -> None:
    await_true(lambda: running.seen() >= count, f"{count} requests were made", within_s=60)


def _kill(running: Arena, random: Random) -> None:
    """Kill a worker or a process of a pool, as soon as there is one alive."""
    killed = running.fleet.kills
    kill = random.choice([running.fleet.kill_a_worker, running.fleet.kill_a_process])

    def did() -> bool:
        kill(random)
        return running.fleet.kills > killed

    await_true(did, "something is alive that can be killed", within_s=20)


@scenario()
def test_new_worker_takes_up_the_work_of_a_killed_one_when_its_leases_end() -> None:
    with arena(per_second=20, READ_TIMEOUT_S="20", REQUEST_DEADLINE_S="20") as running:
        # given a worker whose uploads are not answered yet
        running.simulator.set_faults({"media.slow": ":8-8"})
        first = running.fleet.add("first", concurrency=4)
        running.hand_in("alone", 40)
        await_true(lambda: running.seen() >= 6, "the first worker is at work", within_s=20)
        first.end()
        running.simulator.set_faults({})
        died_at = time.monotonic()
        held = _jobs_in(running, State.ACTIVE)
        running.fleet.add("second", concurrency=4)
        await_true(lambda: held <= _jobs_in(running, State.DONE), "the second did it", within_s=30)
        took_s = time.monotonic() - died_at
        running.await_final("alone", within_s=30)
        tell(f"{len(held)} jobs of a killed worker were done {took_s:.1f} s after its death.")
        assert held
        assert running.audit() == []


@scenario(waits_s=20)
def test_frozen_worker_that_lost_its_leases_writes_and_sends_nothing_when_it_wakes() -> None:
    # given a worker that is frozen while it waits for answers and for slots
    with arena(per_second=4, LEASE_TTL_S="6", READ_TIMEOUT_S="40", REQUEST_DEADLINE_S="40") as running:
        running.simulator.set_faults({"create.slow": ":8-8"})
        frozen = running.fleet.add("frozen", concurrency=4)
        recordings = running.hand_in("frozen", 4)
        jobs = [job_id_of(each.client_unique_id) for each in recordings]
        await_true(lambda: running.seen() >= 2, "the worker waits for answers", within_s=60)
        await_true(lambda: _is_at_creates(running, jobs), "the others wait for slots", within_s=60)
        frozen.signal_all(signal.SIGSTOP)
        sent = running.seen()
        hold_true(lambda: running.seen() == sent, "a frozen worker sends nothing", for_s=0.3)
        # when another took its jobs up, and it wakes while the other is at them
        running.simulator.set_faults({"media.slow": ":15-15"})
        running.fleet.add("other", concurrency=4)
        await_true(lambda: _is_created(running, jobs), "the other worker is at them", within_s=60)
        frozen.signal_all(signal.SIGCONT)
        running.await_final("frozen", within_s=60)
        frozen.terminate()
        frozen.process.wait(60)
        # then all was done by the other, with one create and one upload for each, after one rescue each
        assert [running.job(job)["a"] for job in jobs] == ["1"] * len(jobs)
        assert running.seen() == sent + 2 * len(jobs)
        assert running.audit() == []


@scenario(waits_s=12)
def test_upload_that_takes_longer_than_a_lease_is_left_to_its_worker() -> None:
    with arena(LEASE_TTL_S="8", READ_TIMEOUT_S="40", REQUEST_DEADLINE_S="40") as running:
        running.simulator.set_faults({"media.slow": ":12-12"})
        for name in ("one", "other"):
            running.fleet.add(name, concurrency=2)
        running.hand_in("long", 4)
        running.await_final("long", within_s=90)
        assert running.seen() == 2 * 4
        assert running.audit() == []


def _is_at_creates(running: Arena, jobs: list[str]) -> bool:
    """Tell whether each is where a process has it, and its call was not answered."""
    return all((job["step"], bool(job.get("run"))) == ("validated", True) for job in map(running.job, jobs))


def _is_created(running: Arena, jobs: list[str]) -> bool:
    return all(running.job(job).get("step") in {"created", "uploaded"} for job in jobs)


def _jobs_in(running: Arena, state: State) -> set[str]:
    jobs = [job_id_of(each.client_unique_id) for each in running.recordings]
    return {job for job in jobs if running.job(job)["state"] == state}
