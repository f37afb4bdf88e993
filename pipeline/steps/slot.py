"""Waiting for the instant at which a request may leave.

Invariants: the lease is shown to the ledger with each slot that is bound, and looked at again when the
instant has come. A slot that was missed is given up: the request would come too close to the next one. Who
was not ready for it asks for one as far away as it took to be ready: a slow way to the ledger starves nobody.
One whose instant is not known well, because answers take long and never as long, is given up at once.
One that was taken back, because the gate was closed or the limits were changed, is not used either.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from pipeline import tracing
from pipeline.consequence import prepare
from pipeline.errors import RequestFailed
from pipeline.gong import GongClient
from pipeline.history import counted
from pipeline.lease import Lease
from pipeline.limiter import Notices, Refusal, Slot
from pipeline.steps.services import Services

log = logging.getLogger(__name__)

# A wait to ask for a slot again up to this long is slept in the task.
SLEEP_MAX_S = 2.0
# A sleep ends late by a millisecond or two when the machine is busy; the rest is waited out awake.
AWAKE_BEFORE_S = 0.003
# Who was not ready in time is given what it took, and a little.
LEAD_MARGIN_S = 0.01
# How often a sleeper looks whether its lease is still held.
LOOK_INTERVAL_S = 0.5
# A task that finds others ahead of it asks again for so long, then lets its process do other work.
PATIENCE_S = 10.0


class NoSlot(Exception):
    """There is no slot for the request now."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def wait_for_slot(lease: Lease, services: Services) -> Slot:
    """Wait for this request's instant, with the connection open when it comes.

    Raises:
        NoSlot: It is too far away to wait for it here.
        LeaseLost: The lease was lost while waiting.
        WorkerStopping: This worker was asked to stop before a slot was bound.
    """
    with tracing.part("wait_for_slot", kind="internal"):
        return _wait_for_slot(lease, services)


def _wait_for_slot(lease: Lease, services: Services) -> Slot:
    began = time.monotonic()
    asking = _Asking(lease, services, patience_ends=began + PATIENCE_S)
    services.notices.listen()
    while True:
        failures_to_close = services.settings.failures_to_close
        if refusal := prepare(services.client, services.limiter, failures_to_close=failures_to_close):
            raise NoSlot(refusal)
        bound = asking.ask()
        _connect_early(services.client)
        ready_at = time.monotonic()
        slot = _sleep_until(bound, lease, services.notices)
        if slot and not slot.is_missed and services.client.holds:
            services.ledger.count(counted.wait(slot.lane, slot.leaves_at - began))
            return slot
        # A subscription that was cut does not tell whether the day has it again already.
        asking.missed = slot or bound
        if slot and ready_at > slot.leaves_at:
            asking.lead_s = ready_at - asking.asked_at + LEAD_MARGIN_S
        log.info("Job %s %s and takes another.", lease.held.job_id, _why_another(slot))
        if time.monotonic() > asking.patience_ends:
            raise asking.impatient(asking.missed)


def _why_another(missed: Slot | None) -> str:
    if missed is None:
        return "had its slot taken back"
    return "missed its slot" if missed.is_missed else "had a slot when the OAuth token had ended"


@dataclass(slots=True)
class _Asking:
    """One request's asking for slots.

    Attributes:
        missed: The slot that it had before and did not use.
        lead_s: What it needs to be ready.
        asked_at: When it asked last.
        is_noted: The ledger knows of the request: it is noted once, with its first slot.
    """

    lease: Lease
    services: Services
    patience_ends: float
    missed: Slot | None = None
    lead_s: float = 0.0
    asked_at: float = 0.0
    is_noted: bool = False

    def ask(self) -> Slot:
        """Ask until there is a slot whose instant is known."""
        while True:
            answer = self._answer()
            if isinstance(answer, Slot) and not answer.is_vague:
                return answer
            is_patient = time.monotonic() <= self.patience_ends
            if isinstance(answer, Slot):
                if not is_patient:
                    raise self.impatient(answer)
                log.info("The server took so long to answer that a slot is known too badly to be used.")
                self.missed = answer
                continue
            self.missed = None
            # In a rush of requests that come back to a day's budget, that is the pace.
            is_by_pace = answer.reason in {"second", "day"}
            if answer.wait_s > SLEEP_MAX_S or not is_by_pace or not is_patient:
                raise NoSlot(answer)
            self.lease.sleep(answer.wait_s)

    def impatient(self, missed: Slot) -> NoSlot:
        """Give a slot up without asking for another, and say that others may have the process."""
        self.services.limiter.give_up(missed)
        return NoSlot(Refusal(0.0, "second"))

    def _answer(self) -> Slot | Refusal:
        self.lease.check_before_wait()
        held, self.asked_at = self.lease.held, time.monotonic()
        answer = self.services.limiter.acquire(
            held.lane, missed=self.missed, lead_s=self.lead_s, held=held, is_noted=self.is_noted
        )
        if isinstance(answer, Slot) and not self.is_noted:
            self.is_noted = True
            self.services.on_wait(held, answer.wait_s)
        return answer


def _sleep_until(slot: Slot, lease: Lease, notices: Notices) -> Slot | None:
    """Sleep until the instant, and be awake when it comes: a process is often woken late.

    Gives the slot as it is then, for it may have been moved; None if it was taken back.
    """
    while True:
        wait_s = max(0.0, slot.wait_s - AWAKE_BEFORE_S)
        followed = notices.follow(slot, min(LOOK_INTERVAL_S, wait_s))
        lease.check()
        if followed is None:
            return None
        if followed is slot and slot.wait_s <= AWAKE_BEFORE_S:
            break
        slot = followed
    while time.monotonic() < slot.leaves_at:
        time.sleep(0)
    lease.check()
    return slot


def _connect_early(client: GongClient) -> None:
    try:
        client.connect()
    except RequestFailed:
        log.debug("The connection could not be opened ahead of the request; the request itself will tell.")
