"""Waiting for the instant at which a request may leave.

Invariants: the lease is shown to the ledger after a slot was bound, and looked at again when the instant has
come. A slot that was missed is given up: the request would come too close to the next one.
"""

from __future__ import annotations

import logging
import time

from pipeline.errors import RequestFailed
from pipeline.gong import GongClient
from pipeline.lease import Lease
from pipeline.limiter import LATE_S, Refusal, Slot
from pipeline.steps.services import Services

log = logging.getLogger(__name__)

# A wait for a slot up to this long is slept in the task.
SLEEP_MAX_S = 2.0
# A sleep ends late by a millisecond or two when the machine is busy; the rest is waited out awake.
AWAKE_BEFORE_S = 0.003
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
    noted = False
    while True:
        slot = _ask_for_slot(lease, services, patience_ends)
        if not noted:
            services.ledger.note_request(lease.held, wait_s=slot.wait_s)
            noted = True
        _connect_early(services.client)
        _sleep_until(slot, lease)
        if time.monotonic() - slot.leaves_at <= LATE_S:
            return slot
        log.info("Job %s missed its slot and takes another.", lease.held.job_id)
        if time.monotonic() > patience_ends:
            raise NoSlot(Refusal(0.0, "second"))


def _ask_for_slot(lease: Lease, services: Services, patience_ends: float) -> Slot:
    while True:
        lease.check_before_wait()
        answer = services.limiter.acquire(lease.held.lane)
        if isinstance(answer, Slot):
            return answer
        if answer.wait_s > SLEEP_MAX_S or answer.reason != "second" or time.monotonic() > patience_ends:
            raise NoSlot(answer)
        lease.sleep(answer.wait_s)


def _sleep_until(slot: Slot, lease: Lease) -> None:
    """Sleep until the instant, and be awake when it comes: a process is often woken late."""
    lease.sleep(max(0.0, slot.wait_s - AWAKE_BEFORE_S))
    while time.monotonic() < slot.leaves_at:
        time.sleep(0)
    lease.check()


def _connect_early(client: GongClient) -> None:
    try:
        client.connect()
    except RequestFailed:
        log.debug("The connection could not be opened ahead of the request; the request itself will tell.")
