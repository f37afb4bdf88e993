"""This project's limiter, waited for as in `pipeline/steps/slot.py`, without the lease and the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.consequence import late_teller
from pipeline.job import Lane
from pipeline.limiter import Limiter, Limits, Notices, Refusal, Slot
from pipeline.steps.slot import AWAKE_BEFORE_S, LEAD_MARGIN_S
from pipeline.store import Store

NAMESPACE = "bench"
# As many as the simulator allows a day: none of the runs comes near it.
PER_DAY = 1_000_000
MARGIN = 0.01
LIVE_SHARE = 0.1


class Ours:
    """The limiter as one thread uses it."""

    def __init__(self, limiter: Limiter, notices: Notices) -> None:
        self._limiter = limiter
        self._notices = notices
        self._slot: Slot | None = None

    def acquire(self) -> None:
        """Return when a request may leave."""
        self._notices.listen()
        missed: Slot | None = None
        lead_s = 0.0
        while True:
            asked_at = time.monotonic()
            answer = self._limiter.acquire(Lane.BACKFILL, missed=missed, lead_s=lead_s)
            ready_at = time.monotonic()
            if isinstance(answer, Refusal):
                missed = None
                time.sleep(answer.wait_s)
                continue
            if answer.is_vague:
                missed = answer
                continue
            slot = self._sleep_until(answer)
            if slot and not slot.is_missed:
                self._slot = slot
                return
            if slot and ready_at > slot.leaves_at:
                lead_s = ready_at - asked_at + LEAD_MARGIN_S
            missed = slot

    def left(self) -> None:
        """Let the slots behind it wait if it was late."""
        if self._slot:
            late_teller(self._slot, self._limiter)(time.monotonic())

    def rate_limited(self, retry_after_s: float) -> None:
        """Close the gate for all."""
        self._limiter.close_for(retry_after_s, "The API answered 429.")

    def _sleep_until(self, slot: Slot) -> Slot | None:
        while (wait_s := slot.wait_s - AWAKE_BEFORE_S) > 0:
            followed = self._notices.follow(slot, wait_s)
            if followed is None:
                return None
            slot = followed
        while time.monotonic() < slot.leaves_at:
            time.sleep(0)
        return slot


def open_ours(url: str, per_second: int) -> Callable[[], Ours]:
    """Open the limiter in this process; every thread hears notices on a connection of its own."""
    store = Store(url, NAMESPACE)
    limiter = Limiter(store, _limits(per_second))
    return lambda: Ours(limiter, Notices(store))


def missed_and_late(url: str) -> tuple[int, int]:
    """Tell how many slots were missed on that server, and how many requests left late; none of others."""
    store = Store(url, NAMESPACE)
    in_force = Limiter(store, _limits(1)).in_force()
    store.close()
    return in_force.missed, in_force.late


def _limits(per_second: int) -> Limits:
    return Limits(float(per_second), PER_DAY, MARGIN, 1, LIVE_SHARE)
