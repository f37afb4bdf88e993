"""Simulated workers: the scripts of whole recordings, from many connections, and nothing between them."""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat

from bench.contenders.ours import BATCH
from bench.pipelines.place import LIFTED_PER_DAY, LIFTED_PER_S, NAMESPACE, Place, make_body
from bench.processes import processor_s
from pipeline.job import Claim, Lane, Step, StepMessage
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter, Limits
from pipeline.recording import submission_of
from pipeline.store import Store
from workers.dispatcher import look_at

PROCESSES = 4
# The scripts do as they would, but nobody waits for a slot.
LEASE_TTL_S = 60.0
DETAILS = {
    Step.VALIDATE: {"size_bytes": "64044"},
    Step.CREATE_CALL: {"call_id": "7782342274025937895"},
    Step.UPLOAD_MEDIA: {"bytes": "64044", "sha256": "0" * 64, "url": "https://app.gong.io/call?id=1"},
}
# The message of each step, as long as it is.
MESSAGES = {
    Step.VALIDATE: StepMessage("calls", "v" * 1_650),
    Step.CREATE_CALL: StepMessage("calls", "c" * 1_320),
    Step.UPLOAD_MEDIA: StepMessage("media", "u" * 1_000),
}
FOLLOWING = {Step.VALIDATE: MESSAGES[Step.CREATE_CALL], Step.CREATE_CALL: MESSAGES[Step.UPLOAD_MEDIA]}


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it: recordings a second, and the server's part."""

    per_second: float
    server_ms: float
    busy: float


def load(here: Place, *, workers: int, each: int) -> Load:
    """Let so many workers bring in so many recordings each."""
    count = workers * each
    submissions = [submission_of(make_body(number), f"{number}.wav") for number in range(count)]
    here.ledger.submit(submissions, batch=BATCH, lane=Lane.BACKFILL)
    context = multiprocessing.get_context("spawn")
    processes = min(PROCESSES, workers)
    threads = [len(range(number, workers, processes)) for number in range(processes)]
    with context.Manager() as manager, ProcessPoolExecutor(processes, mp_context=context) as pool:
        ready = manager.Barrier(processes + 1)
        shares = pool.map(_work, repeat(here.server.url), threads, repeat(ready))
        ready.wait()
        began, before_s = time.monotonic(), processor_s(pids={here.server.process.pid})
        done = sum(shares)
    seconds, server_s = time.monotonic() - began, processor_s(pids={here.server.process.pid}) - before_s
    if done != count or here.ledger.counts(BATCH).done != count:
        raise RuntimeError(f"{done} of {count} recordings are done.")
    return Load(count / seconds, server_s / count * 1000, server_s / seconds)


def _work(url: str, threads: int, ready: object) -> int:
    """Be so many workers; gives how many recordings they brought in."""
    claimed: deque[Claim] = deque()
    workers = [_Worker(url, claimed) for _ in range(threads)]
    ready.wait()  # type: ignore[attr-defined]  # a barrier of a manager
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(_Worker.work, workers))


class _Worker:
    """One of them, with a connection of its own; what is claimed is shared within its process."""

    def __init__(self, url: str, claimed: deque[Claim]) -> None:
        store = Store(url, NAMESPACE)
        store.ping()
        self._ledger = Ledger(store, lease_ttl_s=LEASE_TTL_S, attempts_max=20)
        self._limiter = Limiter(store, Limits(LIFTED_PER_S, LIFTED_PER_DAY, 0.01, 1, 0.1))
        self._claimed = claimed

    def work(self) -> int:
        """Bring in what there is to claim."""
        done = 0
        while claim := self._claim():
            for step in claim.steps:
                self._step(claim, step)
            done += 1
        return done

    def _claim(self) -> Claim | None:
        while True:
            with suppress(IndexError):
                return self._claimed.popleft()
            look_at(self._limiter)
            # As often as a dispatcher does: a job or two each time.
            alive = self._ledger.counts(BATCH).active
            claims = self._ledger.claim([Lane.BACKFILL], window=alive + 2)
            if not claims.jobs:
                return None
            self._ledger.publish([MESSAGES[claim.steps[0]] for claim in claims.jobs])
            self._claimed.extend(claims.jobs)

    def _step(self, claim: Claim, step: Step) -> None:
        held = self._ledger.begin_step(claim.job_id, claim.lease_token, step, run="1", worker="simulated")
        if step is not Step.VALIDATE:
            self._limiter.acquire(Lane.BACKFILL, held=held)
        self._ledger.record_step(held, DETAILS[step], following=FOLLOWING.get(step))
