"""What the ledger is meant to do, in plain Python: no scripts, no server, no cleverness.

It says of each operation whether it is refused and what stands in the ledger afterwards. Where the ledger may
choose (which of the due jobs, which tokens), it is told what was chosen and says whether that was allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.job import RECORDED, Claim, Counts, Held, Lane, State, Step, Wait, steps_left

# Title, and reference of the media if there is one to upload.
Content = tuple[str, str | None]

# A bundle's jobs are due in order, within this time.
BUNDLE_MS = 1.0


@dataclass(slots=True)
class Job:
    """A job as it should be.

    Attributes:
        content: Title and media; other content is another recording.
        seen: The handing in of a manifest that named it last.
        tokens: Every lease token that it ever had, the last one last.
        run: Of the delivery at work; empty between two.
        recorded_by: The run that recorded the last step.
        is_doomed: It was active when its batch was cancelled, and is cancelled when it comes back.
        has_place: When it is due it goes before all that were accepted later.
        reason: Step and code of a dead letter.
    """

    batch: str
    lane: Lane
    content: Content
    accepted_ms: float
    due_ms: float
    seen: int = 0
    state: State = State.PENDING
    recorded: str = ""
    attempts: int = 0
    tokens: list[int] = field(default_factory=list)
    run: str = ""
    recorded_by: str = ""
    lease_ends_ms: float = 0.0
    countdown_ends_ms: float | None = None
    is_doomed: bool = False
    is_adopted: bool = False
    is_posted: bool = False
    has_place: bool = False
    reason: tuple[str, str] = ("", "")

    @property
    def has_media(self) -> bool:
        return self.content[1] is not None

    @property
    def token(self) -> int:
        return self.tokens[-1] if self.tokens else 0

    @property
    def next_step(self) -> Step | None:
        return next(iter(steps_left(self.recorded, has_media=self.has_media)), None)

    def is_under(self, claim: Claim) -> bool:
        return self.state is State.ACTIVE and self.token == claim.lease_token

    def is_held_by(self, held: Held) -> bool:
        return self.state is State.ACTIVE and (self.token, self.run) == (held.lease_token, held.run)

    def let_go(self, state: State) -> None:
        self.state, self.run, self.is_doomed, self.countdown_ends_ms = state, "", False, None


@dataclass(slots=True)
class Batch:
    """A batch as it should be, beside its jobs."""

    is_paused: bool = False
    is_cancelled: bool = False
    requests: int = 0
    rate_limited: int = 0


@dataclass(slots=True)
class Model:
    """The ledger as it should be."""

    lease_ms: float
    attempts_max: int
    now_ms: float
    jobs: dict[str, Job] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)

    def in_state(self, *states: State) -> list[Job]:
        return [job for job in self.jobs.values() if job.state in states]

    def submit(self, job_id: str, batch: str, lane: Lane, content: Content, *, handing_in: int) -> str:
        """Give the result that the receipt should have."""
        job = self.jobs.get(job_id)
        if job is None:
            self.jobs[job_id] = Job(batch, lane, content, self.now_ms, self.now_ms, seen=handing_in)
            self.batches.setdefault(batch, Batch()).is_cancelled = False
            return "new"
        may_update = handing_in and job.batch == batch and job.seen != handing_in and _is_unsent(job)
        if may_update:
            job.seen = handing_in
        if job.content == content:
            return "known"
        if not may_update:
            return "conflict"
        self._update(job, content)
        return "updated"

    def _update(self, job: Job, content: Content) -> None:
        job.content, job.recorded = content, ""
        if job.state is State.ACTIVE:
            self._come_back(job, self.now_ms)
        elif job.state is State.DEAD:
            self._bring_back(job)

    def claim(self, lanes: Sequence[Lane], window: int, found: Sequence[Claim]) -> None:
        """Hold what was claimed to what may be, and take it over."""
        self._take_places()
        rescued = {claim.job_id for claim in found if claim.rescued}
        room = self._room(window)
        assert rescued == self._rescue(max(0, room), wait=not lanes)
        room -= len(rescued)
        claimed = {claim.job_id for claim in found if not claim.rescued}
        for lane in lanes:
            due = self._due(lane)
            taken = [job_id for job_id in due if job_id in claimed]
            assert len(taken) == min(max(0, room), len(due))
            for batch in self.batches:
                own = [job_id for job_id in due if self.jobs[job_id].batch == batch]
                assert set(taken) & set(own) == set(own[: len(set(taken) & set(own))])
            room -= len(taken)
            claimed -= set(taken)
        assert not claimed, "claimed was what is not due, paused, or of another lane"
        for claim in found:
            self._lease(claim)

    def has_claimable(self) -> bool:
        """Tell whether a claim would have something to do."""
        has_lost = any(job.lease_ends_ms <= self.now_ms for job in self.in_state(State.ACTIVE))
        return has_lost or any(self._due(lane) for lane in Lane)

    def _room(self, window: int) -> int:
        active = self.in_state(State.ACTIVE)
        for job in active:
            if job.countdown_ends_ms is not None and job.countdown_ends_ms <= self.now_ms:
                job.countdown_ends_ms = None
        waiting = sum(job.countdown_ends_ms is not None for job in active)
        return window - sum(job.lease_ends_ms > self.now_ms for job in active) + min(window, waiting)

    def _take_places(self) -> None:
        for job in self.in_state(State.PENDING):
            if job.has_place and job.due_ms <= self.now_ms + BUNDLE_MS:
                job.due_ms, job.has_place = min(job.due_ms, job.accepted_ms), False

    def _rescue(self, most: int, *, wait: bool) -> set[str]:
        """Settle the leases that ran out; gives the jobs to be leased anew, unless they are to wait."""
        ended = [
            (job.lease_ends_ms, job_id)
            for job_id, job in self.jobs.items()
            if job.state is State.ACTIVE and job.lease_ends_ms <= self.now_ms
        ]
        return {
            job_id for _, job_id in sorted(ended)[:most] if self._is_rescued(self.jobs[job_id], wait=wait)
        }

    def _is_rescued(self, job: Job, *, wait: bool) -> bool:
        had_begun = job.run != ""
        job.attempts += had_begun
        if had_begun and job.attempts >= self.attempts_max:
            self._die(job, str(job.next_step), "worker_lost")
        elif wait or job.is_doomed or self.batches[job.batch].is_paused:
            self._come_back(job, job.accepted_ms)
        else:
            return True
        return False

    def _due(self, lane: Lane) -> list[str]:
        """List what may be claimed of a lane, in the order in which it is due."""
        due = [
            (job.due_ms, job_id)
            for job_id, job in self.jobs.items()
            if job.state is State.PENDING
            and job.lane is lane
            and job.due_ms <= self.now_ms + BUNDLE_MS
            and not self.batches[job.batch].is_paused
        ]
        return [job_id for _, job_id in sorted(due)]

    def _lease(self, claim: Claim) -> None:
        job = self.jobs[claim.job_id]
        assert claim.lease_token > max(job.tokens, default=0), "a token came again, or shrank"
        assert claim.steps == steps_left(job.recorded, has_media=job.has_media)
        job.tokens.append(claim.lease_token)
        job.state, job.run, job.is_doomed = State.ACTIVE, "", False
        job.lease_ends_ms = self.now_ms + self.lease_ms

    def begin_step(self, claim: Claim, step: Step, run: str) -> bool:
        """Tell whether it may begin."""
        job = self.jobs[claim.job_id]
        if not job.is_under(claim) or job.next_step is not step or job.run not in {"", run}:
            return False
        job.run = run
        job.lease_ends_ms = self.now_ms + self.lease_ms
        return True

    def renew(self, held: Held) -> bool:
        job = self.jobs[held.job_id]
        if is_held := job.is_held_by(held):
            job.lease_ends_ms = self.now_ms + self.lease_ms
        return is_held

    def note_request(self, held: Held) -> bool:
        job = self.jobs[held.job_id]
        is_held = job.is_held_by(held)
        self.batches[job.batch].requests += is_held
        job.is_posted |= is_held and held.step is Step.CREATE_CALL
        return is_held

    def record_step(self, held: Held, *, is_adopted: bool) -> bool:
        job = self.jobs[held.job_id]
        if not job.is_held_by(held):
            return self._is_recorded(job, held)
        job.recorded, job.recorded_by, job.run = RECORDED[held.step], held.run, ""
        job.is_adopted |= is_adopted
        job.lease_ends_ms = self.now_ms + self.lease_ms
        if job.next_step is None:
            job.let_go(State.DONE)
        return True

    @staticmethod
    def _is_recorded(job: Job, held: Held) -> bool:
        """Tell whether it is the same again, after a lost answer; who ended a done job is not known."""
        recorded = RECORDED[held.step]
        if job.state is State.DONE:
            return not steps_left(recorded, has_media=job.has_media)
        return (recorded, held.lease_token, held.run) == (job.recorded, job.token, job.recorded_by)

    def postpone(self, held: Held, wait: Wait) -> bool:
        job = self.jobs[held.job_id]
        if not job.is_held_by(held):
            return False
        self.batches[job.batch].rate_limited += wait.reason.code == "rate_limited"
        job.attempts += wait.costs_attempt
        due_ms = self.now_ms + wait.wait_s * 1000
        if wait.costs_attempt and job.attempts >= self.attempts_max:
            self._die(job, held.step, wait.reason.code)
        elif wait.keep and not (job.is_doomed and not wait.reason.code.startswith("waits_")):
            job.run, job.countdown_ends_ms, job.lease_ends_ms = "", due_ms, due_ms + self.lease_ms
        elif due_ms == self.now_ms and wait.keeps_place:
            self._come_back(job, job.accepted_ms)
        else:
            self._come_back(job, due_ms)
            job.has_place = wait.keeps_place
        return True

    def give_back(self, claim: Claim) -> None:
        job = self.jobs[claim.job_id]
        if job.is_under(claim):
            self._come_back(job, job.accepted_ms)

    def bury(self, held: Held, code: str) -> bool:
        job = self.jobs[held.job_id]
        if not job.is_held_by(held):
            return False
        self._die(job, held.step, code)
        return True

    def _die(self, job: Job, step: str, code: str) -> None:
        job.let_go(State.DEAD)
        job.reason = (step, code)

    def _come_back(self, job: Job, due_ms: float) -> None:
        job.let_go(State.CANCELLED if job.is_doomed else State.PENDING)
        job.due_ms, job.has_place = due_ms, False

    def is_paused(self, batch: str) -> bool:
        return batch in self.batches and self.batches[batch].is_paused

    def pause(self, batch: str, *, is_paused: bool) -> bool:
        """Pause or resume; tells whether that changes anything."""
        its = self.batches.get(batch)
        if its is None or its.is_paused is is_paused:
            return False
        its.is_paused = is_paused
        return True

    def cancel(self, batch: str) -> tuple[int, int]:
        """Give how many are cancelled, and how many are active."""
        own = [job for job in self.jobs.values() if job.batch == batch]
        gone = [job for job in own if job.state in {State.PENDING, State.DEAD}]
        active = [job for job in own if job.state is State.ACTIVE]
        for job in gone:
            job.state = State.CANCELLED
        for job in active:
            job.is_doomed = True
        if gone or active:
            self.batches[batch].is_cancelled = True
        return len(gone), len(active)

    def cancel_job(self, job_id: str) -> State | None:
        """Give the state that it has then."""
        job = self.jobs.get(job_id)
        if job is None:
            return None
        if job.state in {State.PENDING, State.DEAD}:
            job.state = State.CANCELLED
        return job.state

    def retry(self, batch: str | None, code: str, job_ids: Sequence[str]) -> int:
        """Give how many come back."""
        if code == "cancelled" and not job_ids:
            self._uncancel([batch] if batch else self.batches)
        meant = [
            job
            for job_id, job in self.jobs.items()
            if batch in {None, job.batch}
            and (not job_ids or job_id in job_ids)
            and _is_meant(job, code, job_ids)
        ]
        for job in meant:
            self._bring_back(job)
        return len(meant)

    def _bring_back(self, job: Job) -> None:
        job.state, job.attempts, job.due_ms, job.has_place = State.PENDING, 0, job.accepted_ms, False
        self.batches[job.batch].is_cancelled = False

    def _uncancel(self, batches: Iterable[str]) -> None:
        for batch in set(batches) & self.batches.keys():
            self.batches[batch].is_cancelled = False
        for job in self.jobs.values():
            if job.batch in batches:
                job.is_doomed = False

    def counts(self, batch: str) -> Counts:
        """Count a batch as the ledger should."""
        its = self.batches.get(batch, Batch())
        own = [job for job in self.jobs.values() if job.batch == batch]
        reached = [list(RECORDED.values()).index(job.recorded) if job.recorded else -1 for job in own]
        return Counts(
            batch,
            **{str(state): sum(job.state is state for job in own) for state in State},
            created=sum(each >= 1 for each in reached),
            uploaded=sum(each == 2 for each in reached),
            adopted=sum(job.is_adopted for job in own),
            requests=its.requests,
            rate_limited=its.rate_limited,
        )


def _is_unsent(job: Job) -> bool:
    """Tell whether nothing of it may have reached the API, and nobody took it back."""
    return job.recorded in {"", "validated"} and not job.is_posted and job.state is not State.CANCELLED


def _is_meant(job: Job, code: str, job_ids: Sequence[str]) -> bool:
    if job.state is State.DEAD:
        return code in {"", job.reason[1]}
    return job.state is State.CANCELLED and (code == "cancelled" or bool(job_ids and not code))
