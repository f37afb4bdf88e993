"""Ledgers filled for tests of whoever looks at them: jobs in every state, without any request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pipeline.job import Claim, Held, Lane, Reason, Step, Wait
from pipeline.ledger import Control, Ledger, Manifests, Rejected
from pipeline.recording import submission_of
from pipeline.store import Store
from tests.recordings import make_call

BUNDLE = 2_000
MEDIA_BYTES = 512_044


@dataclass(frozen=True, slots=True)
class Filled:
    """A ledger to fill. What is brought in has calls from 7,000,000,000,000,000,001 on."""

    url: str
    store: Store
    ledger: Ledger
    control: Control
    manifests: Manifests

    @classmethod
    def on(cls, url: str, namespace: str) -> Self:
        """Open one on a server."""
        store = Store(url, namespace)
        ledger = Ledger(store, lease_ttl_s=600, attempts_max=3)
        return cls(url, store, ledger, Control(store), Manifests(store))

    def submit(self, batch: str, ids: Sequence[str], *, lane: Lane = Lane.BACKFILL, **call: Any) -> None:
        """Hand recordings in."""
        for start in range(0, len(ids), BUNDLE):
            submissions = [
                submission_of(make_call(name, **call), f"{name}.wav") for name in ids[start : start + BUNDLE]
            ]
            self.ledger.submit(submissions, batch=batch, lane=lane)

    def reject(self, batch: str, rows: Sequence[Rejected], *, name: str = "calls.csv") -> None:
        """Reject rows of a manifest."""
        manifest = self.manifests.open(batch, name)
        self.manifests.reject(batch, manifest, rows)
        self.manifests.close(batch, manifest, fingerprint="1", last_line=max(row.line for row in rows))

    def claim(self, count: int, lane: Lane = Lane.BACKFILL) -> list[Claim]:
        """Lease the next jobs, whatever others are leased."""
        leased = len(self.ledger.under_way(most=100_000))
        return list(self.ledger.claim([lane], window=leased + count).jobs)

    def bring_in(self, count: int, lane: Lane = Lane.BACKFILL) -> None:
        """Let the next jobs be done."""
        while count > 0:
            claims = self.claim(min(count, BUNDLE), lane)
            if not claims:
                raise ValueError("There are not so many jobs.")
            for claim in claims:
                self.finish(claim)
            count -= len(claims)

    def finish(self, claim: Claim, *, url: str = "https://app.gong.io/call?id=") -> None:
        """Record every step of a claimed job."""
        call_id = str(7_000_000_000_000_000_000 + int(claim.job_id[:8], 16))
        details: dict[Step, Mapping[str, str]] = {
            Step.VALIDATE: {"size_bytes": str(MEDIA_BYTES)},
            Step.CREATE_CALL: {"call_id": call_id},
            Step.UPLOAD_MEDIA: {
                "bytes": str(MEDIA_BYTES),
                "sha256": hashlib.sha256(call_id.encode()).hexdigest(),
                "url": f"{url}{call_id}",
            },
        }
        for step in claim.steps:
            self.ledger.record_step(self.begin(claim, step), dict(details[step]))

    def begin(self, claim: Claim, step: Step = Step.VALIDATE) -> Held:
        """Let a worker begin a step."""
        return self.ledger.begin_step(
            claim.job_id, claim.lease_token, step, run=claim.job_id, worker="here:7"
        )

    def upload(self, count: int, *, share: float = 0.43, size_bytes: int = 48_000_000) -> list[Held]:
        """Leave the next jobs in the middle of their uploads."""
        return [self._upload(claim, share, size_bytes) for claim in self.claim(count)]

    def _upload(self, claim: Claim, share: float, size_bytes: int) -> Held:
        self.ledger.record_step(self.begin(claim), {"size_bytes": str(size_bytes)})
        self.ledger.record_step(self.begin(claim, Step.CREATE_CALL), {"call_id": "7000000000000000001"})
        held = self.begin(claim, Step.UPLOAD_MEDIA)
        self.ledger.renew(held, sent_bytes=int(size_bytes * share))
        return held

    def bury(self, reasons: Mapping[str, tuple[Step, str, int]]) -> None:
        """Let the next jobs die: of each code so many at a step, with a message."""
        for code, (step, message, count) in reasons.items():
            for number, claim in enumerate(self.claim(count)):
                self._bury(claim, step, Reason(code, message, f"4al018gzaztcr8nbukw-{number}"))

    def _bury(self, claim: Claim, step: Step, reason: Reason) -> None:
        for before in claim.steps[: claim.steps.index(step)]:
            details = {"call_id": str(int(claim.job_id[:12], 16))} if before is Step.CREATE_CALL else {}
            self.ledger.record_step(self.begin(claim, before), details)
        held = self.begin(claim, step)
        wait = Wait(
            1.0, keep=True, costs_attempt=True, reason=Reason("server_error", "The API answered 503.", "r-1")
        )
        self.ledger.postpone(held, wait)
        self.ledger.bury(self.begin(claim, step), reason)

    def close(self) -> None:
        """Close the connection."""
        self.store.close()
