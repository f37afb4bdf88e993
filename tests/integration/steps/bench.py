"""One job on its way through the steps, with everything real around it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.gong import GongClient
from pipeline.job import Claim, Counts, DeadLetter, Lane, Step, Submission, job_id_of
from pipeline.ledger import Control, Filling, Ledger, Manifests, Record
from pipeline.limiter import Gate, Limiter, Limits, Notices
from pipeline.media import Access
from pipeline.payload import Payload, content_hash_of
from pipeline.people import Directory
from pipeline.settings import Settings
from pipeline.steps import GoOn, Next, Services, Stop, run_step
from pipeline.store import Store
from tests.recordings import make_call, wav
from tests.servers import Server

BATCH = "calls"
MEDIA = "call.wav"
LIMITS = Limits(requests_per_second=1000.0, requests_per_day=100_000, margin=0.0, burst=1, live_share=0.0)


@dataclass(slots=True)
class Bench:
    """A job with its services.

    Attributes:
        name: The job's clientUniqueId, its own for every test.
        root: The media root, which holds `MEDIA`.
    """

    server: Server
    store: Store
    name: str
    root: Path
    services: Services
    claims: list[Claim] = field(default_factory=list)

    @property
    def media(self) -> Path:
        return self.root / MEDIA

    def have(self, **overrides: Any) -> None:
        """Change the services."""
        self.services = replace(self.services, **overrides)

    def pace(self, **overrides: Any) -> None:
        """Change the limits."""
        self.have(limiter=Limiter(self.store, replace(LIMITS, **overrides)))

    def hand_in(
        self, *, media: str | None = MEDIA, name: str = "", is_linked: bool = False, **call: Any
    ) -> None:
        body = make_call(name or self.name, **call)
        payload = Payload(json.dumps(body), media, is_linked)
        submission = Submission(name or self.name, payload, content_hash_of(body, media))
        self.services.ledger.submit([submission], batch=BATCH, lane=Lane.BACKFILL)

    def claim(self) -> Claim:
        """Claim the one job that is due."""
        (claim,) = self.services.ledger.claim([Lane.BACKFILL], window=9).jobs
        self.claims.append(claim)
        return claim

    def run(self, step: Step) -> Next:
        """Run one delivery of a step under the last claim."""
        claim = self.claims[-1] if self.claims else self.claim()
        return run_step(step, claim.job_id, claim.lease_token, self.services)

    def probe(self, step: Step) -> Next:
        """Run a step as the probe of a closed gate, again when a busy machine let it miss its slot."""
        after: Next = Stop(None, "", "")
        while isinstance(after, Stop) and after.code in {"", "waits_unauthorized"}:
            self.services.limiter.probe_now()
            self.claim()
            after = self.run(step)
        return after

    def run_before(self, step: Step) -> None:
        """Run the steps that come before one."""
        for earlier in list(Step)[: list(Step).index(step)]:
            assert self.run(earlier) == GoOn()

    def job(self) -> dict[str, str]:
        """Read the job's record as it lies in the server."""
        key = f"{self.name}:job:{job_id_of(self.name)}"
        record: dict[str, str] = self.server.client.hgetall(key)
        return record

    def record(self) -> Record:
        """Read what the ledger tells of the job."""
        found = Manifests(self.store).records(BATCH)
        return next(record for record in found if record.client_unique_id == self.name)

    def counts(self) -> Counts:
        return self.services.ledger.counts(BATCH)

    @property
    def control(self) -> Control:
        return Control(self.store)

    def dead_letter(self) -> DeadLetter:
        (letter,) = self.control.dead_letters(BATCH, most=9)
        return letter

    def gate(self) -> Gate | None:
        return self.services.limiter.gate()

    def sent(self) -> int:
        """Count the requests that were granted."""
        return self.services.limiter.use().today

    def missed(self) -> int:
        """Count the slots that were given up: a busy machine misses more, and each costs an interval."""
        return self.services.limiter.in_force().missed


@contextmanager
def make_bench(server: Server, store: Store, name: str, root: Path, url: str) -> Iterator[Bench]:
    """Set a bench up for an API at an address."""
    root.mkdir()
    (root / MEDIA).write_bytes(wav(name.encode() * 100))
    # The first second of a limiter is silent; it has passed.
    Limiter(store, LIMITS, clock=lambda: time.time() - 60).look(Lane.BACKFILL)
    with make_client(url) as client:
        yield Bench(
            server,
            store,
            name,
            root,
            Services(
                ledger=Ledger(store, lease_ttl_s=30.0, attempts_max=3),
                limiter=Limiter(store, LIMITS),
                notices=Notices(store),
                filling=Filling(store),
                directory=Directory(store, taken_s=30.0),
                client=client,
                settings=Settings(failures_to_close=2, backoff_base_s=4.0),
                access=Access((root,)),
                random=lambda: 0.5,
            ),
        )


def make_client(url: str, *, deadline_s: float = 20.0) -> GongClient:
    return GongClient(
        url,
        access_key="demo-key",
        access_key_secret="demo-secret",
        connect_timeout_s=5.0,
        read_timeout_s=deadline_s,
        request_deadline_s=deadline_s,
    )


@contextmanager
def beside(action: Any) -> Iterator[None]:
    """Do something in another thread meanwhile, and wait for its end."""
    thread = threading.Thread(target=action)
    thread.start()
    try:
        yield
    finally:
        thread.join()
