"""The dispatcher: in every worker, claims due jobs from the ledger and publishes a chain for each.

Invariants: the fleet holds no more chains than it has processes for uploads, so a chain never waits long
for one and the broker stays small whatever the backlog. While the gate is closed or the day is spent
nothing is claimed (of a gate that waits for a probe: one job). A dispatcher holds no state: any may stop at
any time, and what it claimed but did not publish is claimed again when its lease ends.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline import __version__, tracing
from pipeline.errors import LedgerRefused, LedgerUnreachable
from pipeline.job import Claim, Lane, StepMessage
from pipeline.ledger import Fleet, Ledger
from pipeline.limiter import Gate, Limiter, Refusal, Slot
from pipeline.settings import Settings
from pipeline.settings.fingerprint import fingerprint_of
from pipeline.store import Store
from workers.beat import SILENCE_MAX_S, Beat
from workers.chain import chain_of
from workers.step_message import first_message
from workers.turns import LOOK_INTERVAL_S, InTurns, is_stopping

if TYPE_CHECKING:
    from celery import Celery
    from celery.worker.consumer import Consumer


log = logging.getLogger(__name__)

# A worker that has not told for so long that it is alive is no part of the fleet.
MEMBERSHIP_S = 10.0
JOIN_INTERVAL_S = 2.0
# Backfill is claimed while the next free slot is no further away: long enough that a job is there before its
# slot, short enough that nobody has to ask twice, and that a job of the live lane finds a free process.
CLAIM_AHEAD_S = 1.5
# A job that was claimed for a request that came back has asked for it by then.
DRIP_S = 2.0


class Look(NamedTuple):
    """What the limiter would answer.

    Attributes:
        lanes: Those that could make a request soon.
        gate_is_open: None: it may be, or the day is spent behind one that waits for a probe.
        day_is_spent: What backfill may have of the day is, and comes back request by request.
    """

    lanes: tuple[Lane, ...]
    gate_is_open: bool | None
    day_is_spent: bool = False


def look_at(limiter: Limiter) -> Look:
    """Say which lanes could make a request soon enough to start a chain for it."""
    backfill = limiter.look(Lane.BACKFILL)
    is_open: bool | None = isinstance(backfill, Slot) and not backfill.is_probe
    if isinstance(backfill, Refusal) and backfill.reason in {"second", "day"}:
        is_open = None
    if isinstance(backfill, Slot) and backfill.wait_s <= CLAIM_AHEAD_S:
        return Look((Lane.LIVE, Lane.BACKFILL), is_open)
    # Enough of backfill waits for slots already, or the rest of the day's budget is kept for live.
    is_spent = isinstance(backfill, Refusal) and backfill.reason == "day"
    return Look((Lane.LIVE,) if _allows(limiter.look(Lane.LIVE)) else (), is_open, is_spent)


def _allows(answer: Slot | Refusal) -> bool:
    return isinstance(answer, Slot) or answer.reason == "second"


class Dispatcher(InTurns):
    """Runs the dispatcher; a chain that is being published when the worker stops is published."""

    thread_name = "dispatcher"
    what_stops = "Nothing is claimed until then."

    def __init__(self, parent: Consumer, **options: Any) -> None:
        super().__init__(parent, **options)
        self._beat = Beat()

    def start(self, parent: Consumer) -> None:
        """Start to claim and publish."""
        self._beat.start(parent)
        super().start(parent)

    def stop(self, parent: Consumer) -> None:
        """Claim nothing more; a chain that is being published is published."""
        super().stop(parent)
        self._beat.stop()

    def opened(self, parent: Consumer, settings: Settings, store: Store) -> Dispatch:
        """Give this worker's part in dispatching."""
        return Dispatch(
            parent.app,
            Worker(parent.hostname, _processes(parent), self._beat),
            store=store,
            settings=settings,
        )


@dataclass(frozen=True, slots=True)
class Worker:
    """The worker of a dispatcher: its name, its processes for each of its queues, its main loop's beat."""

    name: str
    processes: Mapping[str, int]
    beat: Beat


class Dispatch:
    """One worker's part in dispatching."""

    def __init__(self, app: Celery, worker: Worker, *, store: Store, settings: Settings) -> None:
        self._app = app
        self._worker = worker
        self._store = store
        self._ledger = Ledger.from_settings(settings, store)
        self._limiter = Limiter.from_settings(settings, store)
        self._told = f"{__version__} {fingerprint_of(settings)}"
        self._fleet = Fleet(0, 0, 0)
        self._join_at = 0.0
        self._hung = False
        self._gate: Gate | None = None
        self._drips_until = 0.0

    def turn(self, stopped: threading.Event) -> None:
        """Claim what the fleet can use, publish it, and wait for something to do."""
        self._join()
        look = look_at(self._limiter)
        self._look_at_gate(look)
        claims = self._ledger.claim(
            look.lanes,
            window=self._window(),
            most_of_backfill=self._most(look),
            probed_since=self._probed_since(),
        )
        self._publish(claims.jobs, stopped)
        # A full window is told by the first job that leaves it, a due time by the clock. Leases that ran out
        # are looked for at least once a second.
        self._store.wait_for_wake(min(claims.next_due_s or LOOK_INTERVAL_S, LOOK_INTERVAL_S))

    def leave(self) -> None:
        """Tell the fleet that this worker goes."""
        try:
            self._ledger.join_fleet(self._worker.name, calls=0, media=0, ttl_s=0)
        except (LedgerUnreachable, LedgerRefused) as error:
            log.warning("%s The fleet forgets this worker in %.0f s.", error, MEMBERSHIP_S)

    def _look_at_gate(self, look: Look) -> None:
        """Read the gate if it is closed; say for what and until when, or that it is open again."""
        before, is_open = self._gate, look.gate_is_open
        if is_open is None:
            is_open = before is None
        self._gate = None if is_open else self._limiter.gate()
        if self._gate is None:
            if before:
                log.warning("The gate is open again.")
        elif before is None or _told_of(self._gate) != _told_of(before):
            log.warning("Nothing is claimed: %s", self._gate.sentence)

    def _window(self) -> int:
        window = self._fleet.window
        # Behind a gate that waits for a probe, one job is enough to find out.
        return min(window, 1) if self._gate and self._gate.is_probed else window

    def _most(self, look: Look) -> int | None:
        """Say how many of backfill to claim: of a day that was spent until now one request came back."""
        now = time.monotonic()
        if look.day_is_spent:
            self._drips_until = now + DRIP_S
        return 1 if now < self._drips_until else None

    def _probed_since(self) -> float:
        """Say since when the next probe may leave; 0 unless the gate waits for one.

        Who began before is none any more, however long it goes on: an upload takes hours.
        """
        if not (self._gate and self._gate.is_probed):
            return 0.0
        # A lease begins in a whole millisecond.
        return math.floor(self._gate.until * 1000) / 1000

    def _publish(self, claims: Sequence[Claim], stopped: threading.Event) -> None:
        for claim in claims:
            if claim.rescued:
                log.warning(
                    "Job %s was rescued: its lease had run out.", claim.job_id, extra={"job": claim.job_id}
                )
        if is_stopping(stopped):
            for claim in claims:
                self._ledger.give_back(claim)
        elif claims:
            self._ledger.publish([self._message(claim) for claim in claims])

    def _message(self, claim: Claim) -> StepMessage:
        about: tracing.About = {"job": claim.job_id, "batch": claim.batch, "rescued": claim.rescued}
        with tracing.span("dispatch", "producer", about, parent=claim.traceparent) as traceparent:
            return first_message(chain_of(claim, self._app, traceparent=traceparent), self._app)

    def _join(self) -> None:
        if time.monotonic() >= self._join_at:
            self._store.check_server()
            self._fleet = self._ledger.fleet() if self._hangs() else self._tell_alive()
            self._join_at = time.monotonic() + JOIN_INTERVAL_S

    def _tell_alive(self) -> Fleet:
        return self._ledger.join_fleet(
            self._worker.name,
            calls=self._worker.processes.get("calls", 0),
            media=self._worker.processes.get("media", 0),
            ttl_s=MEMBERSHIP_S,
            told=self._told,
        )

    def _hangs(self) -> bool:
        """Tell whether this worker takes no messages although it should, and say so when that changes.

        Its processes count for the fleet no more, and whoever asks for its health is told that it has none.
        """
        hung, self._hung = self._hung, not self._worker.beat.is_heard()
        if self._hung != hung:
            log.warning(
                "The worker's main loop %s.",
                f"did not come by for {SILENCE_MAX_S:.0f} s; it is no part of the fleet until it does"
                if self._hung
                else "turns again",
            )
        return self._hung


def _told_of(gate: Gate) -> tuple[str, float, float]:
    """Give what is told anew when it changes: of a gate that is probed not every next try."""
    return gate.reason, gate.since, gate.until if gate.mode == "timed" else 0.0


def _processes(parent: Consumer) -> dict[str, int]:
    """Give the processes this worker has for each of its queues."""
    return dict.fromkeys(parent.app.amqp.queues.consume_from, parent.pool.num_processes)
