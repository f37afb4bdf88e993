"""What is counted where it happens: the names of the counters, which Redis keeps for the whole fleet. Pure.

Names are words separated by colons. Those of `totals` live as long as the ledger:

    requests:<endpoint>:<lane>:<status, or none>     requests that left, by what was answered
    wait:<lane>:<bucket>, wait_us:<lane>             waits for a slot, and their sum in microseconds
    step:<step>:<bucket>, step_us:<step>             steps that came to a result, and their sum
    upload_bytes, upload_us                          media sent, and how long the uploads took
    done:<lane>, dead:<lane>, died:<step>:<code>,    written by the scripts themselves
    rescued, closed:<reason>

A bucket is the number of the first bound that is not exceeded, counted from 0; the last one has no bound.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from enum import StrEnum

from pipeline.job import Lane, Step

# In seconds. A slot is bound at most 3 s ahead; who waits longer has others ahead of it.
WAIT_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
# From a validation on a local disk to 1.5 GB at 125 kB/s.
STEP_BOUNDS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)

NO_ANSWER = "none"


class Endpoint(StrEnum):
    """What is asked of the API."""

    CREATE_CALL = "create_call"
    UPLOAD_MEDIA = "upload_media"
    LIST_USERS = "list_users"


class Answered(StrEnum):
    """What a request was answered, in a word."""

    OK = "ok"  # 2xx
    RATE_LIMITED = "429"
    REFUSED = "4xx"  # also what says that the recording is there already
    FAILED = "5xx"
    NONE = "none"  # no answer came
    OTHER = "other"

    @classmethod
    def by(cls, status: int | None) -> Answered:
        """Tell it by the HTTP status, None if no answer came."""
        if status is None:
            return cls.NONE
        if status == 429:
            return cls.RATE_LIMITED
        return {2: cls.OK, 4: cls.REFUSED, 5: cls.FAILED}.get(status // 100, cls.OTHER)


def request(endpoint: Endpoint, lane: Lane, status: int | None) -> dict[str, int]:
    """Count a request that left, by the status of its answer, None if no answer came."""
    answered = Answered.by(status)
    named = answered if answered in {Answered.NONE, Answered.OTHER} else status
    return {f"requests:{endpoint}:{lane}:{named}": 1, f"minute:{endpoint}:{lane}:{answered}": 1}


def wait(lane: Lane, wait_s: float) -> dict[str, int]:
    """Count a wait for a slot, from asking until it came."""
    return {f"wait:{lane}:{_bucket(wait_s, WAIT_BOUNDS_S)}": 1, f"wait_us:{lane}": round(wait_s * 1e6)}


def step(kind: Step, took_s: float) -> dict[str, int]:
    """Count a step that came to a result, with the waits in it."""
    return {f"step:{kind}:{_bucket(took_s, STEP_BOUNDS_S)}": 1, f"step_us:{kind}": round(took_s * 1e6)}


def upload(sent_bytes: int, took_s: float) -> dict[str, int]:
    """Count what an upload sent, whatever became of it, and how long that took."""
    return {"upload_bytes": sent_bytes, "upload_us": round(took_s * 1e6)}


def _bucket(value: float, bounds: Sequence[float]) -> int:
    return bisect_left(bounds, value)
