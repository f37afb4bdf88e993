"""One turn of the deliveries: what is due is told, and what became of it is noted."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pipeline.events import Event
from pipeline.outcome.wait import backoff_s
from pipeline.webhook.deliveries import Deliveries, Due
from pipeline.webhook.receiver import Receiver, Told, Verdict

log = logging.getLogger(__name__)

BACKOFF_BASE_S, BACKOFF_CAP_S = 1.0, 300.0
# About twenty minutes: a receiver that is mended by then misses nothing, and those behind wait no longer.
REFUSALS_MAX = 12


class Deliverer:
    """Delivers what is due to one receiver.

    Args:
        deliveries: How far they are.
        receiver: Who is told.
        namespace: Whose events these are: what makes their ids unique for a receiver of several.
    """

    def __init__(self, deliveries: Deliveries, receiver: Receiver, *, namespace: str) -> None:
        self._deliveries = deliveries
        self._receiver = receiver
        self._namespace = namespace
        self._why = ""

    def turn(self, goes_on: Callable[[], bool]) -> Due | None:
        """Deliver what is due, in order, as long as it is taken; None while another worker has the duty.

        Args:
            goes_on: Whether to begin another delivery.

        Raises:
            LedgerUnreachable: The server cannot be used; what was delivered last is delivered again.
        """
        due = self._deliveries.due()
        if due is None:
            return None
        if due.dropped:
            log.error("The webhook missed %d events: the stream had no room for more.", due.dropped)
        attempts, refusals = due.attempts, due.refusals
        for event in due.events if not due.wait_s else ():
            if not goes_on() or not self._deliver(event, attempts, refusals):
                break
            attempts, refusals = 0, 0
        return due

    def _deliver(self, event: Event, attempts: int, refusals: int) -> bool:
        """Deliver one event; tells whether the next one may follow."""
        told = self._receiver.tell(f"{self._namespace}-{event.id}", event.body().encode())
        self._say(told)
        verdict = told.verdict
        if verdict is Verdict.REFUSED and refusals + 1 >= REFUSALS_MAX:
            log.error("The event %s is given up: %s, %d times.", event.id, told.why, refusals + 1)
            verdict = Verdict.GIVEN_UP
        # Nobody else delivers, so there is nobody whose way a wait of chance would keep clear.
        wait_s = backoff_s(attempts + 1, base_s=BACKOFF_BASE_S, cap_s=BACKOFF_CAP_S, random=lambda: 1.0)
        noted = self._deliveries.note(event, verdict, why=told.why, wait_s=max(wait_s, told.wait_s))
        return noted and verdict in {Verdict.DELIVERED, Verdict.GIVEN_UP}

    def _say(self, told: Told) -> None:
        """Say once that deliveries fail, and why, and that they go on."""
        if told.why and told.why != self._why:
            log.warning("Events are not delivered to the webhook, and wait: %s.", told.why)
        if not told.why and self._why:
            log.warning("Events are delivered to the webhook again.")
        self._why = told.why
