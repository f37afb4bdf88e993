"""The dispatcher: in every worker, claims due jobs from the ledger and publishes a chain for each.

Invariants: the fleet holds no more chains than it has processes for uploads, so a chain never waits long
for one and the broker stays small whatever the backlog. While the gate is closed or the day is spent
nothing is claimed (of a gate that waits for a probe: one job). A dispatcher holds no state: any may stop at
any time, and what it claimed but did not publish is claimed again when its lease ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from celery import bootsteps

from pipeline.errors import LedgerRefused, LedgerUnreachable, SettingsInvalid
from pipeline.job import Claim, Lane
from pipeline.ledger import Fleet, Ledger
from pipeline.limiter import Limiter, Refusal, Slot
from pipeline.settings import Settings
from pipeline.store import Store
from workers.chain import chain_of

if TYPE_CHECKING:
    from celery import Celery
    from celery.worker.consumer import Consumer


log = logging.getLogger(__name__)

# A worker that has not told for so long that it is alive is no part of the fleet.
MEMBERSHIP_S = 10.0
JOIN_INTERVAL_S = 2.0
# The longest sleep: leases that ran out are looked for at least this often.
LOOK_INTERVAL_S = 1.0
# Backfill is claimed while the next free slot is no further away: long enough that a job is there before its
# slot, short enough that nobody has to ask twice, and that a job of the live lane finds a free process.
CLAIM_AHEAD_S = 1.5
UNREACHABLE_WAIT_S = 2.0
# How often a server that would lose jobs is looked at again.
REFUSED_WAIT_S = 10.0


def dispatch_window(fleet: Fleet) -> int:
    """Say how many jobs the fleet may hold at once: one for each process that uploads.

    A fleet without processes for one of the queues could not finish a chain and gets none.
    """
    return fleet.media if fleet.calls else 0


def lanes_to_claim(limiter: Limiter) -> tuple[Lane, ...]:
    """Say which lanes could make a request soon enough to start a chain for it."""
    backfill = limiter.look(Lane.BACKFILL)
    if isinstance(backfill, Slot) and backfill.wait_s <= CLAIM_AHEAD_S:
        return (Lane.LIVE, Lane.BACKFILL)
    # Enough of backfill waits for slots already, or the rest of the day's budget is kept for live.
    return (Lane.LIVE,) if _is_open(limiter.look(Lane.LIVE)) else ()


def _is_open(answer: Slot | Refusal) -> bool:
    return isinstance(answer, Slot) or answer.reason == "second"


class Dispatcher(bootsteps.StartStopStep):
    """Runs the dispatcher in a thread of the worker's parent process."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Consumer, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, parent: Consumer) -> None:
        """Start to claim and publish."""
        # Of this start alone: a thread that still waits for a server out of reach ends when it answers.
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(parent, self._stopped), name="dispatcher", daemon=True
        )
        self._thread.start()

    def stop(self, parent: Consumer) -> None:  # noqa: ARG002 - Celery's signature
        """Claim nothing more; a chain that is being published is published."""
        self._stopped.set()
        if self._thread:
            self._thread.join(timeout=LOOK_INTERVAL_S + 1)

    def shutdown(self, parent: Consumer) -> None:
        """Stop with the worker."""
        self.stop(parent)

    def _run(self, parent: Consumer, stopped: threading.Event) -> None:
        settings = Settings.from_env()
        store = Store.from_settings(settings)
        dispatch = Dispatch(
            app=parent.app,
            worker=parent.hostname,
            processes=_processes(parent),
            store=store,
            settings=settings,
        )
        said = ""
        while not stopped.is_set():
            try:
                dispatch.turn(stopped)
                said = ""
            except (SettingsInvalid, LedgerRefused) as error:
                if said != str(error):
                    log.critical("%s Nothing is claimed until then.", error)
                said = str(error)
                stopped.wait(REFUSED_WAIT_S)
            except LedgerUnreachable as error:
                log.warning("%s The dispatcher asks again in %.0f s.", error, UNREACHABLE_WAIT_S)
                stopped.wait(UNREACHABLE_WAIT_S)
            except Exception:
                log.exception("The dispatcher failed and goes on in %.0f s.", UNREACHABLE_WAIT_S)
                stopped.wait(UNREACHABLE_WAIT_S)
        dispatch.leave()
        store.close()


class Dispatch:
    """One worker's part in dispatching."""

    def __init__(
        self, app: Celery, worker: str, processes: dict[str, int], *, store: Store, settings: Settings
    ) -> None:
        self._app = app
        self._worker = worker
        self._processes = processes
        self._store = store
        self._ledger = Ledger.from_settings(settings, store)
        self._limiter = Limiter.from_settings(settings, store)
        self._fleet = Fleet(0, 0, 0)
        self._join_at = 0.0

    def turn(self, stopped: threading.Event) -> None:
        """Claim what the fleet can use, publish it, and wait for something to do."""
        self._join()
        next_due_s = None
        if lanes := lanes_to_claim(self._limiter):
            claims = self._ledger.claim(lanes, window=self._window())
            next_due_s = claims.next_due_s
            self._publish(claims.jobs, stopped)
        # A full window is told by the first job that leaves it, a due time by the clock.
        self._store.wait_for_wake(min(next_due_s or LOOK_INTERVAL_S, LOOK_INTERVAL_S))

    def leave(self) -> None:
        """Tell the fleet that this worker goes."""
        try:
            self._ledger.join_fleet(self._worker, calls=0, media=0, ttl_s=0)
        except (LedgerUnreachable, LedgerRefused) as error:
            log.warning("%s The fleet forgets this worker in %.0f s.", error, MEMBERSHIP_S)

    def _window(self) -> int:
        gate = self._limiter.gate()
        window = dispatch_window(self._fleet)
        # Behind a gate that waits for a probe, one job is enough to find out.
        return min(window, 1) if gate and gate.mode == "probe" else window

    def _publish(self, claims: Sequence[Claim], stopped: threading.Event) -> None:
        for claim in claims:
            if stopped.is_set():
                self._ledger.give_back(claim)
            else:
                chain_of(claim, self._app).apply_async()
            if claim.rescued:
                log.warning("Job %s was rescued: its lease had run out.", claim.job_id)

    def _join(self) -> None:
        if time.monotonic() >= self._join_at:
            self._store.check_server()
            self._fleet = self._ledger.join_fleet(
                self._worker,
                calls=self._processes.get("calls", 0),
                media=self._processes.get("media", 0),
                ttl_s=MEMBERSHIP_S,
            )
            self._join_at = time.monotonic() + JOIN_INTERVAL_S


def _processes(parent: Consumer) -> dict[str, int]:
    """Give the processes this worker has for each of its queues."""
    return dict.fromkeys(parent.app.amqp.queues.consume_from, parent.pool.num_processes)
