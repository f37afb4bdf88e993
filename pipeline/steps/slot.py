"""Waiting for the instant at which a request may leave.

Invariants: the lease is shown to the ledger after each slot that was bound, and looked at again when the
instant has come. A slot that was missed is given up: the request would come too close to the next one. One
that was taken back, because the gate was closed or the limits were changed, is not used either.
"""

from __future__ import annotations

import logging
import time

from pipeline.errors import RequestFailed
from pipeline.gong import GongClient
from pipeline.lease import Lease
from pipeline.limiter import Notices, Refusal, Slot
from pipeline.steps.services import Services

log = logging.getLogger(__name__)

# A wait to ask for a slot again up to this long is slept in the task.
SLEEP_MAX_S = 2.0
# A sleep ends late by a millisecond or two when the machine is busy; the rest is waited out awake.
AWAKE_BEFORE_S = 0.003
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
    patience_ends = time.monotonic() + PATIENCE_S
    missed: Slot | None = None
    noted = False
    services.notices.listen()
    while True:
        bound = _ask_for_slot(lease, services, missed, patience_ends)
        # A request is noted once; what follows only shows that the lease is still held.
        if noted:
            services.ledger.renew(lease.held)
        else:
            services.ledger.note_request(lease.held, wait_s=bound.wait_s)
            noted = True
        _connect_early(services.client)
        slot = _sleep_until(bound, lease, services.notices)
        if slot and not slot.is_missed:
            return slot
        missed = slot
        what = "missed its slot" if missed else "had its slot taken back"
        log.info("Job %s %s and takes another.", lease.held.job_id, what)
        if time.monotonic() > patience_ends:
            raise NoSlot(Refusal(0.0, "second"))


def _ask_for_slot(lease: Lease, services: Services, missed: Slot | None, patience_ends: float) -> Slot:
    while True:
        lease.check_before_wait()
        answer = services.limiter.acquire(lease.held.lane, missed=missed)
        if isinstance(answer, Slot):
            return answer
        missed = None
        if answer.wait_s > SLEEP_MAX_S or answer.reason != "second" or time.monotonic() > patience_ends:
            raise NoSlot(answer)
        lease.sleep(answer.wait_s)


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
