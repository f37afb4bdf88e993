"""Job and batch: what the ledger records, the states, the steps and the way between them.

Invariants: a job's id is a hash of its clientUniqueId, so the same recording is the same job wherever it
comes from. The recorded step only moves forward. A job that is `created` is never posted again.

The transitions themselves are Lua scripts (`pipeline/lua`); `TRANSITIONS` says which of them leads where,
and a test holds the scripts to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, NamedTuple, Self

from pipeline.payload import Payload


class State(StrEnum):
    """Where a job stands."""

    PENDING = "pending"  # waits for its due time and a worker
    ACTIVE = "active"  # leased to an attempt
    DONE = "done"  # created, and uploaded unless the API pulls the media itself
    DEAD = "dead"  # needs a person
    CANCELLED = "cancelled"  # taken back by a person

    @property
    def is_final(self) -> bool:
        """Tell whether the job stays there unless a person does something."""
        return self in {State.DONE, State.DEAD, State.CANCELLED}


class Step(StrEnum):
    """A part of the chain; its name is that of the function in `steps.py`."""

    VALIDATE = "validate"
    CREATE_CALL = "create_call"
    UPLOAD_MEDIA = "upload_media"


class Lane(StrEnum):
    """Which jobs go first: single calls from other systems, or the backfill."""

    LIVE = "live"
    BACKFILL = "backfill"


BATCH_NAME_MAX_CHARACTERS = 100

# The last step recorded, as the ledger writes it, and the steps that are left from there.
RECORDED = {Step.VALIDATE: "validated", Step.CREATE_CALL: "created", Step.UPLOAD_MEDIA: "uploaded"}

TRANSITIONS: dict[str, dict[State | None, frozenset[State]]] = {
    # a new job; the same recording again changes nothing, other content of what was not sent begins anew, or
    # is cancelled if its batch was while it was active
    "submit": {
        None: frozenset({State.PENDING}),
        State.PENDING: frozenset({State.PENDING}),
        State.ACTIVE: frozenset({State.PENDING, State.CANCELLED}),
        State.DEAD: frozenset({State.PENDING}),
    },
    # a due job is leased, or a job whose lease ran out is leased anew (rescue), given up, or put where its
    # batch's jobs are if that was paused or cancelled meanwhile
    "claim": {
        State.PENDING: frozenset({State.ACTIVE}),
        State.ACTIVE: frozenset({State.ACTIVE, State.DEAD, State.PENDING, State.CANCELLED}),
    },
    # the last step of the chain ends the job; any other leaves it active
    "record_step": {State.ACTIVE: frozenset({State.ACTIVE, State.DONE})},
    # a short wait keeps the lease; a long one gives the job back, to the cancelled if its batch was cancelled
    # meanwhile; what cannot succeed is dead
    "postpone": {State.ACTIVE: frozenset({State.ACTIVE, State.PENDING, State.CANCELLED, State.DEAD})},
    "bury": {State.ACTIVE: frozenset({State.DEAD})},
    # a person takes a batch back: what is active goes on, and is cancelled when it comes back
    "cancel": {
        State.PENDING: frozenset({State.CANCELLED}),
        State.DEAD: frozenset({State.CANCELLED}),
    },
    # one recording alone is taken back, if nobody works on it
    "cancel_job": {
        State.PENDING: frozenset({State.CANCELLED}),
        State.DEAD: frozenset({State.CANCELLED}),
    },
    # a person brings a dead letter or a cancelled job back
    "retry": {
        State.DEAD: frozenset({State.PENDING}),
        State.CANCELLED: frozenset({State.PENDING}),
    },
}


def steps_left(recorded: str, *, has_media: bool) -> tuple[Step, ...]:
    """List the steps a chain still has to run, from the last step recorded ("" for none)."""
    steps = tuple(Step) if has_media else (Step.VALIDATE, Step.CREATE_CALL)
    names = [RECORDED[step] for step in steps]
    return steps[names.index(recorded) + 1 :] if recorded in names else steps


def is_batch_name(name: str) -> bool:
    """Tell whether a batch can have that name."""
    return 1 <= len(name) <= BATCH_NAME_MAX_CHARACTERS and name.isprintable()


def job_id_of(client_unique_id: str) -> str:
    """Hash a clientUniqueId into its job's id: 24 hexadecimal digits.

    96 bits: among a million recordings two share an id with a chance below 1e-16, and the ledger would
    report that as a conflict, never mix them up.
    """
    return hashlib.sha256(client_unique_id.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Submission:
    """A recording on its way into the ledger.

    Attributes:
        content: Hash of what it is (`content_hash_of`).
        line: Where it stands in its manifest, counted from 1; 0 if it came without one.
    """

    client_unique_id: str
    payload: Payload
    content: str
    line: int = 0

    @property
    def job_id(self) -> str:
        """Give the id of the job that this submission makes."""
        return job_id_of(self.client_unique_id)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the ledger says to a submission.

    Attributes:
        job_id: The job's id.
        result: `new`, `known` (same content), `updated` (other content, and nothing of the old one had
            reached the API), or `conflict` (other content, and it is too late or another batch's).
        state: The job's state now.
        batch: The batch that the job belongs to, which may be an earlier one.
    """

    job_id: str
    result: str
    state: State
    batch: str

    @property
    def is_new(self) -> bool:
        """Tell whether the recording was not known before."""
        return self.result == "new"


@dataclass(frozen=True, slots=True)
class Claim:
    """A job leased to an attempt: what the dispatcher needs for its chain; `traceparent` if it is traced."""

    job_id: str
    lease_token: int
    steps: tuple[Step, ...]
    rescued: bool
    batch: str = ""
    traceparent: str = ""

    @classmethod
    def from_answer(cls, job_id: str, token: str, recorded: str, media: str, *rest: str) -> Self:
        """Read what `claim.lua` answers of a job."""
        rescued, *more = rest
        return cls(job_id, int(token), steps_left(recorded, has_media=media == "1"), rescued == "1", *more)


class StepMessage(NamedTuple):
    """The message that lets a step run, as the broker keeps it, and the queue that it is for."""

    queue: str
    text: str


@dataclass(frozen=True, slots=True)
class Held:
    """A job as a step holds it.

    Attributes:
        attempts: Failed attempts so far.
        call_id: The call's id once it was created.
        posted: Whether this job's create may have reached the API before.
    """

    job_id: str
    lease_token: int
    run: str
    step: Step
    batch: str
    lane: Lane
    payload: Payload
    attempts: int
    call_id: str | None
    posted: bool


class Reason(NamedTuple):
    """Why a job waits or is dead: a stable code, a sentence, and the API's name for the request."""

    code: str
    message: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """How an attempt is put off.

    Attributes:
        wait_s: How long.
        keep: Keep the lease over the wait, for a Celery countdown; otherwise the job becomes pending.
        costs_attempt: A backoff does, a snooze does not.
        reason: Kept with the dead letter if that was the last attempt.
        keeps_place: Given back, it goes before what was accepted later as soon as it is due; else behind all
            that is due by then.
    """

    wait_s: float
    keep: bool
    costs_attempt: bool
    reason: Reason
    keeps_place: bool = True


@dataclass(frozen=True, slots=True)
class Counts:
    """A batch in numbers. Times are seconds since the epoch on the server's clock, 0 for not yet.

    Attributes:
        requests: Requests sent for the batch's jobs.
        rate_limited: Answers 429 among them.
        adopted: Jobs among `done` whose call existed before they posted it.
        rejected: Rows of its manifests that could not become jobs.
        paused_at: Since when nothing of it is claimed; 0 if it is not paused.
        cancelled_at: Since when it is cancelled; 0 if it is not, or lives again by rows that came later.
    """

    batch: str
    pending: int = 0
    active: int = 0
    done: int = 0
    dead: int = 0
    cancelled: int = 0
    rejected: int = 0
    created: int = 0
    uploaded: int = 0
    adopted: int = 0
    requests: int = 0
    rate_limited: int = 0
    created_at: float = 0.0
    first_request_at: float = 0.0
    last_request_at: float = 0.0
    paused_at: float = 0.0
    cancelled_at: float = 0.0

    @classmethod
    def from_answer(cls, batch: str, *flat: Any) -> Counts:
        """Read what the ledger answers of a batch: each field, and behind it its value."""
        return cls.from_fields(batch, dict(zip(flat[::2], flat[1::2], strict=True)))

    @classmethod
    def from_fields(cls, batch: str, values: Mapping[str, str]) -> Counts:
        """Read what the ledger keeps of a batch, whose times are milliseconds."""
        numbers: dict[str, Any] = {}
        for name in values.keys() & {field.name for field in fields(cls)}:
            numbers[name] = int(values[name]) / 1000 if name.endswith("_at") else int(values[name])
        return cls(batch, **numbers)

    @property
    def total(self) -> int:
        """Count the jobs of the batch."""
        return self.pending + self.active + self.done + self.dead + self.cancelled

    @property
    def waiting(self) -> int:
        """Count the jobs that are not in a final state."""
        return self.pending + self.active


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that needs a person, with what is known of why."""

    job_id: str
    client_unique_id: str
    code: str
    message: str
    request_id: str | None
    step: str
    attempts: int
    died_at: float
