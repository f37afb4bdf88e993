"""Under the limits: who uses how much of what is allowed, and what a kill in the middle leaves behind.

One after another, each with a simulator and a server of its own: who asks again after each 429 at once takes
more of a small machine than is left for others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from bench.pipelines.contenders import OURS, PLAIN, SCRIPT, Contender, Program
from bench.pipelines.place import LEASE_TTL_S, Place, Recordings, place, recordings
from bench.results import Table
from tests.chaos.fleet import Fleet

CONTENDERS = (OURS, PLAIN, SCRIPT)
PER_SECOND = 10.0
POLICY = "sliding"
WORKERS, PROCESSES = 2, 2
LOOK_INTERVAL_S = 0.25
REQUESTS = 2
# Nothing but 429 was answered for so long: nobody works any more. What a killed worker had in hand comes back
# before.
SILENCE_S = 3.0 * LEASE_TTL_S
# Who repeats for ever what the API refuses is waited for so often as long as the rate allows, and no longer.
TIMES_MOST = 5
COLUMNS = ("", "killed", "seconds", "share of the allowed rate", "429s", "not in", "asked twice")


@dataclass(frozen=True, slots=True)
class Finished:
    """What the simulator had of it at the end.

    Attributes:
        seconds: Until the last recording was in.
        share: Of what the API would have taken in that time: creates and uploads that it took.
        refused: Requests answered with 429.
        lost: Recordings without a call, or whose call has no media.
        repeated: Requests for what was there already, which the API refused.
    """

    seconds: float
    share: float
    refused: int
    lost: int
    repeated: int


def limits(*, count: int = 600) -> Iterator[Table]:
    """Bring so many recordings in by each, once undisturbed and once with a worker killed in the middle."""
    with recordings(count, size_bytes=4_000) as made:
        rows = [
            _row(made, contender, is_killed=is_killed)
            for is_killed in (False, True)
            for contender in CONTENDERS
        ]
    notes = (
        f"{count:,} recordings at {PER_SECOND:g} requests/s under {POLICY} windows, {WORKERS} workers of "
        f"{PROCESSES} processes or {WORKERS * PROCESSES} threads, one after another. One worker (of the "
        "script: all of it) is killed with SIGKILL when half of the creates are there, and started again. "
        f"Leases and the visibility timeout are {LEASE_TTL_S} s; Celery's own is an hour. A run ends when "
        f"all is in, when for {SILENCE_S:.0f} s nothing but 429 was answered, or at the latest "
        f"{_most_s(count):,.0f} s after its start or the kill. Seconds and share: until the last recording "
        "was in; the share is of creates and uploads that the API took. Not in: no call, or a call without "
        "media, at the end. Asked twice: requests for what was there already; the API refused them, so "
        "nothing is there twice, but they take their part of the rate."
    )
    yield Table("Under the limits", notes, COLUMNS, rows)


def _row(made: Recordings, contender: Contender, *, is_killed: bool) -> tuple[str, ...]:
    with place(made, per_second=PER_SECOND, policy=POLICY) as here:
        came = _run(contender, here, is_killed=is_killed)
    return (
        contender.name,
        "yes" if is_killed else "",
        f"{came.seconds:.0f}",
        f"{came.share:.1%}",
        str(came.refused),
        str(came.lost),
        str(came.repeated),
    )


def _run(contender: Contender, here: Place, *, is_killed: bool) -> Finished:
    with contender.working(here, workers=WORKERS, concurrency=PROCESSES) as fleet:
        program = contender.program(here, WORKERS * PROCESSES)
        began = time.monotonic()
        program.go()
        if is_killed:
            _await_half(here)
            program = _kill(contender, here, fleet, program)
        last_at = _await_end(here)
        program.kill()
    return _finished(here, last_at - began)


def _kill(contender: Contender, here: Place, fleet: Fleet, program: Program) -> Program:
    """Kill a worker, which its supervisor starts again; a script is started again by hand."""
    if contender.app:
        fleet.kill_a_worker(Random(1))
        return program
    program.kill()
    again = contender.program(here, WORKERS * PROCESSES)
    again.go()
    return again


def _answers(here: Place, endpoint: str, holds: Callable[[int], bool]) -> int:
    return sum(count for status, count in here.requests(endpoint).items() if holds(int(status)))


def _await_half(here: Place) -> None:
    while _answers(here, "create", lambda status: status == 200) < here.recordings.count / 2:
        time.sleep(LOOK_INTERVAL_S)


def _await_end(here: Place) -> float:
    """Wait until all is in, or nobody works any more; gives when the last one came."""
    last_at = answered_at = time.monotonic()
    ends_at = last_at + _most_s(here.recordings.count)
    seen = answered = 0
    while seen < here.recordings.count and time.monotonic() < min(answered_at + SILENCE_S, ends_at):
        time.sleep(LOOK_INTERVAL_S)
        now_answered, now_seen = _answered(here), _answers(here, "media", lambda status: status == 201)
        if now_answered > answered:
            answered, answered_at = now_answered, time.monotonic()
        if now_seen > seen:
            seen, last_at = now_seen, time.monotonic()
    return last_at


def _most_s(count: int) -> float:
    """Say how long to wait for so many recordings, whatever is answered."""
    return TIMES_MOST * REQUESTS * count / PER_SECOND + SILENCE_S


def _answered(here: Place) -> int:
    """Count the answers of every endpoint that are no 429: whoever works still gets such."""
    totals = here.simulator.record("calls=0&requests=0")["totals"]
    return sum(count for of in totals.values() for status, count in of.items() if status not in {"0", "429"})


def _finished(here: Place, seconds: float) -> Finished:
    calls = here.simulator.record("requests=0")["calls"]
    accepted = sum(_answers(here, each, lambda status: status < 300) for each in ("create", "media"))
    return Finished(
        seconds=seconds,
        share=accepted / (seconds * PER_SECOND),
        refused=sum(_answers(here, each, lambda status: status == 429) for each in ("create", "media")),
        lost=here.recordings.count - sum(call["media"] is not None for call in calls),
        repeated=sum(call["repeated_creates"] + call["repeated_uploads"] for call in calls),
    )
