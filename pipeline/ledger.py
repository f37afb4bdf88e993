"""Jobs and batches: the truth of what is to be done and what was done.

Each method is one script of the same name in `lua/`, so each change is atomic on the server and its rules
stand there. Every write of an attempt shows the attempt's lease token; an old one writes nothing.
What a job means and where it may go: `job.py`. How the requests are paced: `limiter.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from pipeline.errors import LeaseLost, PayloadUnknown
from pipeline.job import (
    RECORDED,
    Claim,
    Counts,
    DeadLetter,
    Held,
    Lane,
    Payload,
    Reason,
    Receipt,
    State,
    Step,
    Submission,
    Wait,
    steps_left,
)
from pipeline.settings import Settings
from pipeline.store import Clock, Store

# Jobs a submitting round trip carries: large enough to hide it, small enough not to hold up the server.
SUBMIT_BUNDLE = 200
# Jobs that a round trip looks at.
LOOK_UP_BUNDLE = 500
# How long a job of a newer version is left alone by workers that do not understand it.
PAYLOAD_UNKNOWN_WAIT_MS = 60_000
# Why `begin_step` refuses, by the word that the script answers.
NOT_FOR_IT = {"stale": "another attempt holds it, or is past this step", "busy": "another one is at work"}


@dataclass(frozen=True, slots=True)
class Claims:
    """Jobs leased now, and how long until the next pending one is due (None: none waits)."""

    jobs: tuple[Claim, ...]
    next_due_s: float | None


@dataclass(frozen=True, slots=True)
class Fleet:
    """The workers that are alive, and their processes for each queue."""

    workers: int
    calls: int
    media: int


class Ledger:
    """The jobs of one namespace.

    Args:
        store: The connection to the server.
        lease_ttl_s: How long a lease holds without a renewal.
        attempts_max: Failed attempts after which a job is dead.
        clock: Instead of the server's, for tests.

    Every method raises `LedgerUnreachable` when the server cannot be used.
    """

    def __init__(
        self, store: Store, *, lease_ttl_s: float, attempts_max: int, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._lease_ms = round(lease_ttl_s * 1000)
        self._attempts_max = attempts_max
        self.lease_ttl_s = lease_ttl_s

    @classmethod
    def from_settings(cls, settings: Settings, store: Store) -> Self:
        """Open the ledger as the settings say."""
        return cls(store, lease_ttl_s=settings.lease_ttl_s, attempts_max=settings.attempts_max)

    def submit(self, submissions: Sequence[Submission], *, batch: str, lane: Lane) -> list[Receipt]:
        """Write jobs into the ledger, in bundles; a receipt for each, in order.

        A job that is there already stays as it is: `known` if its content is the same, else `conflict`.
        """
        receipts: list[Receipt] = []
        rest = iter(submissions)
        while bundle := list(islice(rest, SUBMIT_BUNDLE)):
            results = self._run("submit", batch, lane, *_flatten(bundle))
            receipts += [
                Receipt(submission.job_id, result, State(state), its_batch)
                for submission, (result, state, its_batch) in zip(bundle, results, strict=True)
            ]
        return receipts

    def claim(self, lanes: Sequence[Lane], *, window: int) -> Claims:
        """Lease due jobs of these lanes, as long as fewer than `window` are under a living lease."""
        wait_ms, *found = self._run("claim", window, self._lease_ms, self._attempts_max, *lanes)
        jobs = tuple(
            Claim(job_id, int(token), steps_left(recorded, has_media=media == "1"), rescued == "1")
            for job_id, token, recorded, media, rescued in found
        )
        return Claims(jobs, wait_ms / 1000 if wait_ms >= 0 else None)

    def give_back(self, claim: Claim) -> None:
        """Make a claimed job pending again, when its chain will not be published; no attempt is spent."""
        self._run("postpone", claim.job_id, claim.lease_token, "", 0, "", "0", 0, "", "", "", "")

    def begin_step(self, job_id: str, lease_token: int, step: Step, *, run: str) -> Held:
        """Show the lease token for one delivery of a step's message, and read the job.

        Raises:
            LeaseLost: Another attempt holds the job, the step is recorded, or another delivery is alive.
            PayloadUnknown: A newer version wrote the job; it is pending again, for a newer worker.
        """
        answer = self._run("begin_step", job_id, lease_token, run, self._lease_ms, RECORDED[step])
        if answer[0] != "go":
            raise LeaseLost(f"Job {job_id} is not for this delivery: {NOT_FOR_IT[answer[0]]}.")
        payload, batch, lane, attempts, call_id, posted = answer[1:]
        if not Payload.is_known(payload):
            raise self._leave_to_newer(job_id, lease_token, step, run)
        return Held(
            job_id=job_id,
            lease_token=lease_token,
            run=run,
            step=step,
            batch=batch,
            lane=Lane(lane),
            payload=Payload.decode(payload),
            attempts=int(attempts),
            call_id=call_id or None,
            posted=posted == "1",
        )

    def _leave_to_newer(self, job_id: str, lease_token: int, step: Step, run: str) -> PayloadUnknown:
        message = f"Job {job_id} was written by a newer version; upgrade the workers."
        reason = Reason("payload_unknown", message)
        self._run("postpone", job_id, lease_token, run, PAYLOAD_UNKNOWN_WAIT_MS, "", "0", 0, *reason, step)
        return PayloadUnknown(message)

    def renew(self, held: Held) -> None:
        """Keep the lease alive.

        Raises:
            LeaseLost: It is not this attempt's any more.
        """
        if not self._run("renew", *_fence(held), self._lease_ms):
            raise _lost(held)

    def note_request(self, held: Held, *, wait_s: float) -> None:
        """Note that a request for this job leaves after that wait, so that its outcome is known to be open.

        Raises:
            LeaseLost: The lease is lost, and the request must not leave.
        """
        is_create = "1" if held.step is Step.CREATE_CALL else "0"
        if not self._run("note_request", *_fence(held), round(wait_s * 1000), is_create):
            raise _lost(held)

    def record_step(self, held: Held, details: dict[str, str] | None = None) -> None:
        """Record that the step succeeded, with details for the job's record; the last one ends the job.

        Raises:
            LeaseLost: The lease is lost; nothing was written.
        """
        last = not steps_left(RECORDED[held.step], has_media=held.payload.media is not None)
        pairs = [text for pair in (details or {}).items() for text in pair]
        answer = self._run(
            "record_step",
            *_fence(held),
            self._lease_ms,
            RECORDED[held.step],
            "1" if last else "0",
            *pairs,
        )
        if answer != "recorded":
            raise _lost(held)

    def postpone(self, held: Held, wait: Wait) -> State:
        """Put the attempt off.

        Returns:
            `active` (kept), `pending`, or `dead` when the attempts are spent.

        Raises:
            LeaseLost: The lease is lost; nothing was written.
        """
        answer = self._run(
            "postpone",
            *_fence(held),
            round(wait.wait_s * 1000),
            self._lease_ms if wait.keep else "",
            "1" if wait.costs_attempt else "0",
            self._attempts_max,
            *wait.reason,
            held.step,
        )
        if answer == "stale":
            raise _lost(held)
        return State.ACTIVE if answer == "kept" else State(answer)

    def bury(self, held: Held, reason: Reason) -> None:
        """Make the job a dead letter.

        Raises:
            LeaseLost: The lease is lost; nothing was written.
        """
        if self._run("bury", *_fence(held), *reason, held.step) == "stale":
            raise _lost(held)

    def retry(self, batch: str, *, code: str = "", job_ids: Sequence[str] = ()) -> int:
        """Bring dead letters back at the step where they stood, attempts forgiven; gives how many.

        Args:
            batch: Whose dead letters; not looked at when ids are given.
            code: Only those that died of this reason.
            job_ids: Only these.
        """
        if job_ids:
            return int(self._run("retry", batch, code, 0, "", *job_ids)[0])
        brought_back, start = 0, ""
        while True:
            count, start = self._run("retry", batch, code, LOOK_UP_BUNDLE, start)
            brought_back += int(count)
            if not start:
                return brought_back

    def join_fleet(self, worker: str, *, calls: int, media: int, ttl_s: float) -> Fleet:
        """Tell that a worker with so many processes is alive (ttl_s 0: leaves), and see the whole fleet."""
        return Fleet(*self._run("join_fleet", worker, calls, media, round(ttl_s * 1000)))

    def fleet(self) -> Fleet:
        """See the whole fleet."""
        return self.join_fleet("", calls=0, media=0, ttl_s=0)

    def states(self, job_ids: Sequence[str]) -> list[State | None]:
        """Look up the states of jobs, in bundles; None for a job that is not there."""
        found: list[State | None] = []
        for start in range(0, len(job_ids), LOOK_UP_BUNDLE):
            bundle = job_ids[start : start + LOOK_UP_BUNDLE]
            found += [State(state) if state else None for state in self._store.run("states", *bundle)]
        return found

    def counts(self, batch: str) -> Counts:
        """Count a batch's jobs by state, and what was done for them."""
        flat = self._store.run("counts", batch)
        return Counts.from_fields(batch, dict(zip(flat[::2], flat[1::2], strict=True)))

    def batches(self) -> list[Counts]:
        """Count every batch, the newest first."""
        return [self.counts(batch) for batch in self._store.run("batches")]

    def dead_letters(self, batch: str, *, most: int) -> list[DeadLetter]:
        """Read the last dead letters of a batch, the newest first."""
        return [_dead_letter(*values) for values in self._store.run("dead_letters", batch, most)]

    def _run(self, script: str, *arguments: str | float) -> Any:
        """Run a script that begins with the time."""
        now_ms = "" if self._clock is None else round(self._clock() * 1000)
        return self._store.run(script, now_ms, *arguments)


def _fence(held: Held) -> tuple[str, int, str]:
    return held.job_id, held.lease_token, held.run


def _lost(held: Held) -> LeaseLost:
    return LeaseLost(f"The lease on job {held.job_id} was lost to another attempt.")


def _flatten(bundle: Sequence[Submission]) -> Iterator[str]:
    for submission in bundle:
        payload = submission.payload
        yield from (
            submission.job_id,
            payload.content_hash,
            "0" if payload.media is None else "1",
            payload.encode(),
        )


def _dead_letter(job_id: str, payload: str, *rest: str) -> DeadLetter:
    code, message, request_id, step, attempts, died_at = rest
    return DeadLetter(
        job_id=job_id,
        client_unique_id=Payload.decode(payload).client_unique_id,
        code=code,
        message=message,
        request_id=request_id or None,
        step=step,
        attempts=int(attempts),
        died_at=int(died_at) / 1000,
    )
