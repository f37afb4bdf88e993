"""A ledger in a time of its own, with builders of what stands in it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.job import Claim, Held, Lane, Reason, Receipt, Step, Submission, Wait
from pipeline.job import job_id_of as id_of
from pipeline.ledger import Control, Ledger
from pipeline.limiter import Limiter, Limits, Slot
from pipeline.payload import Payload, content_hash_of
from pipeline.store import Store
from tests.clocks import Clock
from tests.servers import Server

LEASE_TTL_S = 30.0
ATTEMPTS_MAX = 3
BATCH = "calls"
REASON = Reason("api_error", "The API answered 500.", "req-1")
STATES = ("pending", "active", "done", "dead", "cancelled")


def make_submission(
    name: str, *, media: str | None = "a.wav", title: str = "Call", line: int = 0
) -> Submission:
    call = {"clientUniqueId": name, "title": title}
    return Submission(name, Payload(json.dumps(call), media), content_hash_of(call, media), line)


def make_wait(
    wait_s: float = 5.0,
    *,
    keep: bool = False,
    costs_attempt: bool = False,
    reason: Reason = REASON,
    keeps_place: bool = True,
) -> Wait:
    return Wait(wait_s, keep=keep, costs_attempt=costs_attempt, reason=reason, keeps_place=keeps_place)


@dataclass(slots=True)
class Bench:
    """A ledger, its clock, and a look past it at what lies in the server."""

    server: Server
    namespace: str
    store: Store
    attempts_max: int = ATTEMPTS_MAX
    clock: Clock = field(default_factory=Clock)
    runs: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store, lease_ttl_s=LEASE_TTL_S, attempts_max=self.attempts_max, clock=self.clock)

    @property
    def control(self) -> Control:
        return Control(self.store, clock=self.clock)

    def submit(
        self, *names: str, batch: str = BATCH, lane: Lane = Lane.BACKFILL, media: str | None = "a.wav"
    ) -> list[Receipt]:
        submissions = [make_submission(name, media=media) for name in names]
        return self.ledger.submit(submissions, batch=batch, lane=lane)

    def claim(self, *, window: int = 100, lanes: Sequence[Lane] = tuple(Lane)) -> list[Claim]:
        return list(self.ledger.claim(lanes, window=window).jobs)

    def claimed(self, name: str = "a", **submitted: Any) -> Claim:
        """Submit one job and claim it."""
        self.submit(name, **submitted)
        (claim,) = self.claim()
        return claim

    def begin(self, claim: Claim, step: Step | None = None) -> Held:
        """Begin the step that comes next, or another one, as a new delivery."""
        run = f"run-{next(self.runs)}"
        return self.ledger.begin_step(claim.job_id, claim.lease_token, step or claim.steps[0], run=run)

    def held(self, name: str = "a", step: Step = Step.VALIDATE, **submitted: Any) -> Held:
        """Submit one job, claim it, and hold it at that step, with the ones before it recorded."""
        claim = self.claimed(name, **submitted)
        for earlier in claim.steps[: claim.steps.index(step)]:
            details = {"call_id": "77"} if earlier is Step.CREATE_CALL else {}
            self.ledger.record_step(self.begin(claim, earlier), details)
        return self.begin(claim, step)

    def bury(self, *names: str, code: str = "refused", step: Step = Step.VALIDATE, **submitted: Any) -> None:
        """Make dead letters of these, all held at once before the first of them dies."""
        for held in [self.held(name, step, **submitted) for name in names]:
            self.ledger.bury(held, Reason(code))

    def bring_in(self, name: str = "a", **submitted: Any) -> Held:
        """Bring one job to its end."""
        held = self.held(name, Step.UPLOAD_MEDIA, **submitted)
        self.ledger.record_step(held, {"bytes": "4"})
        return held

    def request(self, held: Held, *, lane: Lane | None = None, **asked: Any) -> Slot:
        """Bind a slot for a request of a job that is held."""
        limits = Limits(10.0, 1_000_000, margin=0.0, burst=1, live_share=0.0)
        slot = Limiter(self.store, limits, clock=self.clock).acquire(lane or held.lane, held=held, **asked)
        assert isinstance(slot, Slot)
        return slot

    def key(self, name: str) -> str:
        return f"{self.namespace}:{name}"

    def job(self, name: str = "a") -> dict[str, str]:
        """Read a job's record as it lies in the server."""
        record: dict[str, str] = self.server.client.hgetall(self.key(f"job:{id_of(name)}"))
        return record

    def lease_ends_in_s(self, name: str = "a") -> float | None:
        ends_ms = self.server.client.zscore(self.key("leases"), id_of(name))
        return None if ends_ms is None else ends_ms / 1000 - self.clock.now_s

    def due_in_s(self, name: str = "a", *, batch: str = BATCH, lane: Lane = Lane.BACKFILL) -> float | None:
        due_ms = self.server.client.zscore(self.key(f"due:{lane}:{batch}"), id_of(name))
        return None if due_ms is None else due_ms / 1000 - self.clock.now_s

    def published(self, queue: str) -> list[str]:
        """Read the messages of a queue, in the order in which workers take them."""
        texts: list[str] = self.server.client.lrange(self.key(f"celery:{queue}"), 0, -1)
        return texts[::-1]

    def is_woken(self) -> bool:
        """Tell whether a dispatcher was told since the last time this was asked."""
        return bool(self.server.client.delete(self.key("wake")))


def names_of(found: Sequence[Claim] | Sequence[Receipt], names: Sequence[str]) -> list[str]:
    """Give the names behind job ids, in the order found."""
    by_id = {id_of(name): name for name in names}
    return [by_id[each.job_id] for each in found]
