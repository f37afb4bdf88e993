"""Jobs as workers and producers see them: submitted, claimed, worked on, recorded (people: `control.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Self

from pipeline.errors import LeaseLost, PayloadUnknown
from pipeline.job import (
    RECORDED,
    Claim,
    Counts,
    Held,
    Lane,
    Reason,
    Receipt,
    State,
    Step,
    StepMessage,
    Submission,
    Wait,
    steps_left,
)
from pipeline.ledger.bundles import SUBMIT_BUNDLE
from pipeline.ledger.fleet import Fleet, Member
from pipeline.ledger.manifests import NO_MANIFEST, KnownManifest
from pipeline.ledger.record import compacted
from pipeline.ledger.submitted import receipts_of, written
from pipeline.ledger.traces import HandingIn
from pipeline.ledger.under_way import UnderWay
from pipeline.payload import Payload
from pipeline.settings import Settings
from pipeline.store import Clock, Store

LOOK_UP_BUNDLE = 500  # jobs that a round trip looks at
PAYLOAD_UNKNOWN_WAIT_MS = 60_000  # for which a job that a newer version wrote is left alone
# Why `begin_step` refuses, by the word that the script answers.
NOT_FOR_IT = {"stale": "another attempt holds it, or is past this step", "busy": "another one is at work"}


@dataclass(frozen=True, slots=True)
class Claims:
    """Jobs leased now, and how long until the next pending one is due (None: none waits)."""

    jobs: tuple[Claim, ...]
    next_due_s: float | None


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

    def submit(
        self,
        submissions: Sequence[Submission],
        *,
        batch: str,
        lane: Lane,
        manifest: KnownManifest = NO_MANIFEST,
    ) -> list[Receipt]:
        """Write jobs into the ledger, in bundles; a receipt for each, in order.

        A job that is there already stays as it is: `known` if its content is the same. With other content it
        is `updated` if a manifest of its batch says so, once, before anything of it may have reached the API;
        else it is a `conflict`.

        Args:
            submissions: What is handed in.
            batch: The batch of those that become jobs.
            lane: Theirs.
            manifest: Whose rows they are, as `Manifests.open` gives it.
        """
        receipts: list[Receipt] = []
        rest = iter(submissions)
        while bundle := list(islice(rest, SUBMIT_BUNDLE)):
            receipts += self.begin_submit(bundle, batch=batch, lane=lane, manifest=manifest)()
        return receipts

    def begin_submit(
        self,
        bundle: Sequence[Submission],
        *,
        batch: str,
        lane: Lane,
        manifest: KnownManifest = NO_MANIFEST,
    ) -> Callable[[], list[Receipt]]:
        """Send one bundle, as `submit` does; gives what waits for its receipts, which must be called once."""
        job_ids = [submission.job_id for submission in bundle]
        traces = HandingIn(job_ids, batch=batch, lane=lane)
        begun = self._store.begin(
            "submit",
            self._now_ms(),
            batch,
            lane,
            manifest.number,
            manifest.handing_in,
            int(manifest.corrects),
            *map(written, bundle, job_ids, traces.traceparents),
        )
        return lambda: traces.ended(list(receipts_of(job_ids, begun.answer(), batch)))

    def claim(
        self,
        lanes: Sequence[Lane],
        *,
        window: int,
        most_of_backfill: int | None = None,
        probed_since: float = 0.0,
    ) -> Claims:
        """Lease due jobs of these lanes, as long as fewer than `window` are under a living lease.

        Args:
            lanes: The first one first. Without any, jobs whose leases ran out become pending.
            window: Most jobs under a living lease.
            most_of_backfill: Most of that lane to lease now; as many as there is room for when left out.
            probed_since: Since when a closed gate may be probed; 0: it is not. Only leases that began since
                then are counted, and of what is due that is leased which failed least (seconds since the
                epoch, server's clock).
        """
        most = window if most_of_backfill is None else most_of_backfill
        limits = (window, most, round(probed_since * 1e6))
        wait_ms, *found = self._run("claim", *limits, self._lease_ms, self._attempts_max, *lanes)
        jobs = tuple(Claim.from_answer(*values) for values in found)
        return Claims(jobs, wait_ms / 1000 if wait_ms >= 0 else None)

    def give_back(self, claim: Claim) -> None:
        """Make a claimed job pending again, when its chain will not be published; no attempt is spent."""
        self._run("postpone", claim.job_id, claim.lease_token, "", 0, "", "0", 0, "", "", "", "", "", "1")

    def begin_step(self, job_id: str, lease_token: int, step: Step, *, run: str, worker: str = "") -> Held:
        """Show the lease token for one delivery (`run`) of a step's message, and read the job.

        Raises:
            LeaseLost: Another attempt holds the job, the step is recorded, or another delivery is alive.
            PayloadUnknown: A newer version wrote the job; it is pending again, for a newer worker.
        """
        answer = self._run("begin_step", job_id, lease_token, run, self._lease_ms, RECORDED[step], worker)
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

    def renew(self, held: Held, *, sent_bytes: int | None = None) -> None:
        """Keep the lease alive, and tell how much of the media was sent so far.

        Raises:
            LeaseLost: It is not this attempt's any more.
        """
        if not self._run("renew", *_fence(held), self._lease_ms, "" if sent_bytes is None else sent_bytes):
            raise LeaseLost.to_another(held.job_id)

    def publish(self, messages: Sequence[StepMessage]) -> None:
        """Put messages of steps into the broker."""
        self._store.run("publish", *chain.from_iterable(messages))

    def record_step(
        self, held: Held, details: dict[str, str] | None = None, *, following: StepMessage | None = None
    ) -> None:
        """Record that the step succeeded, with details for the job's record; the last one ends the job.

        The message of the step that follows is put into the broker at the same moment.

        Raises:
            LeaseLost: The lease is lost; nothing was written.
        """
        last = not steps_left(RECORDED[held.step], has_media=held.payload.has_upload)
        answer = self._run(
            "record_step",
            *_fence(held),
            self._lease_ms,
            RECORDED[held.step],
            held.payload.client_unique_id if last else "",
            *(following or ("", "")),
            *chain.from_iterable(compacted(held, details or {}).items()),
        )
        if answer != "recorded":
            raise LeaseLost.to_another(held.job_id)

    def note_refusal(self, held: Held) -> None:
        """Note that the API refused the create for good: nothing of the job is there.

        Raises:
            LeaseLost: The lease is lost; nothing was written.
        """
        if not self._store.run("note_refusal", *_fence(held)):
            raise LeaseLost.to_another(held.job_id)

    def postpone(self, held: Held, wait: Wait) -> State:
        """Put the attempt off.

        Returns:
            `active` (kept), `pending`, `cancelled` when that was done to its batch meanwhile, or `dead` when
            the attempts are spent.

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
            held.payload.client_unique_id,
            "1" if wait.keeps_place else "0",
        )
        if answer == "stale":
            raise LeaseLost.to_another(held.job_id)
        return State.ACTIVE if answer == "kept" else State(answer)

    def bury(self, held: Held, reason: Reason) -> None:
        """Make the job a dead letter.

        Raises:
            LeaseLost: The lease is lost; nothing was written.
        """
        if self._run("bury", *_fence(held), *reason, held.step, held.payload.client_unique_id) == "stale":
            raise LeaseLost.to_another(held.job_id)

    def count(self, counted: Mapping[str, int]) -> None:
        """Count something for the fleet (`history/counted.py`), with the round trip of the next script."""
        self._store.count(counted)

    def join_fleet(self, worker: str, *, calls: int, media: int, ttl_s: float, told: str = "") -> Fleet:
        """Tell that a worker is alive, with its processes for each queue; gives the whole fleet.

        `told` is what it tells of itself: its version, a blank, and a fingerprint of its settings.
        """
        return Fleet(*self._run("join_fleet", worker, calls, media, round(ttl_s * 1000), told))

    def members(self) -> list[Member]:
        """List the workers that are alive."""
        return [Member.from_answer(*values) for values in self._run("members")]

    def fleet(self) -> Fleet:
        """See how large the fleet is."""
        return Fleet.of(self.members())

    def states(self, job_ids: Sequence[str]) -> list[State | None]:
        """Look up the states of jobs, in bundles; None for a job that is not there."""
        found: list[State | None] = []
        for start in range(0, len(job_ids), LOOK_UP_BUNDLE):
            bundle = job_ids[start : start + LOOK_UP_BUNDLE]
            found += [State(state) if state else None for state in self._store.run("states", *bundle)]
        return found

    def counts(self, batch: str) -> Counts:
        """Count a batch's jobs by state, and what was done for them."""
        (answer,) = self._store.run("counts", batch)
        return Counts.from_answer(*answer)

    def batches(self) -> list[Counts]:
        """Count every batch, the newest first."""
        return [Counts.from_answer(*answer) for answer in self._store.run("counts")]

    def backlog(self, lane: Lane) -> int:
        """Count the pending jobs of a lane; it takes as long as there are batches."""
        return int(self._store.run("backlog", lane))

    def under_way(self, *, most: int = LOOK_UP_BUNDLE) -> list[UnderWay]:
        """List the jobs under a living lease: at most about as many as the fleet has processes."""
        return [UnderWay.from_values(*values) for values in self._run("under_way", most)]

    def _run(self, script: str, *arguments: str | bytes | float) -> Any:
        """Run a script that begins with the time."""
        return self._store.run(script, self._now_ms(), *arguments)

    def _now_ms(self) -> int | str:
        """Give the time that a script is to take; the server's clock where it is empty."""
        return "" if self._clock is None else round(self._clock() * 1000)


def _fence(held: Held) -> tuple[str, int, str]:
    return held.job_id, held.lease_token, held.run
