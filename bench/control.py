"""What people do to a batch of a million jobs: how long it takes, on a real server, from one client.

A cancel happens once, so it is measured once; everything else several times, and the median told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

from bench.results import Table
from pipeline.job import Lane, Reason, Submission
from pipeline.ledger import CANCELLED, Control, Ledger
from pipeline.recording import submission_of
from pipeline.store import Store
from tests.servers import running_server

BATCH = "calls"
REPEATS = 9
DEAD = 2_000
# What a person takes for at once.
BOUND_S = 0.5
# A bundle of the producer's, as often as it takes.
BUNDLE = 20_000


def run(jobs: int) -> Iterator[Table]:
    """Fill a ledger with pending jobs and do to it what people do."""
    with running_server() as server:
        store = Store(server.url, "bench")
        ledger = Ledger(store, lease_ttl_s=600, attempts_max=3)
        control = Control(store)
        _fill(ledger, jobs)
        _bury(ledger)
        rows = _measured(ledger, control)
        store.close()
    notes = (
        f"{jobs:,} pending jobs and {DEAD:,} dead letters of one batch. "
        f"The bound is {BOUND_S} s for each but the last."
    )
    yield Table("People at a large batch", notes, ("what", "median ms", "worst ms"), rows)


def _fill(ledger: Ledger, jobs: int) -> None:
    for start in range(0, jobs, BUNDLE):
        names = [f"pbx-{number}" for number in range(start, min(start + BUNDLE, jobs))]
        ledger.submit([_submission(name) for name in names], batch=BATCH, lane=Lane.BACKFILL)


def _submission(name: str) -> Submission:
    return submission_of({"clientUniqueId": name, "title": "A call"}, f"{name}.wav")


def _bury(ledger: Ledger) -> None:
    ledger.submit([_submission(f"dead-{number}") for number in range(DEAD)], batch=BATCH, lane=Lane.LIVE)
    for claim in ledger.claim([Lane.LIVE], window=DEAD).jobs:
        held = ledger.begin_step(claim.job_id, claim.lease_token, claim.steps[0], run="bench")
        ledger.bury(held, Reason(f"reason_{int(claim.job_id, 16) % 10}", "It is wrong."))


def _measured(ledger: Ledger, control: Control) -> list[tuple[str, str, str]]:
    pauses, resumes = [], []
    for _ in range(REPEATS):
        pauses.append(_took_s(lambda: control.pause(BATCH)))
        resumes.append(_took_s(lambda: control.resume(BATCH)))
    return [
        _row("pause", pauses),
        _row("resume", resumes),
        _row("status: every batch with its counts", _repeated(ledger.batches)),
        _row("dead letters by reason", _repeated(lambda: control.dead_reasons(BATCH))),
        _row("the last 20 dead letters", _repeated(lambda: control.dead_letters(BATCH, most=20))),
        _row("cancel", [_took_s(lambda: control.cancel(BATCH))]),
        _row("cancel once more", _repeated(lambda: control.cancel(BATCH))),
        _row("bring every cancelled job back", [_took_s(lambda: control.retry(BATCH, code=CANCELLED))]),
    ]


def _repeated(act: Callable[[], object]) -> list[float]:
    return [_took_s(act) for _ in range(REPEATS)]


def _took_s(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _row(what: str, times_s: list[float]) -> tuple[str, str, str]:
    return what, f"{median(times_s) * 1000:,.2f}", f"{max(times_s) * 1000:,.2f}"
