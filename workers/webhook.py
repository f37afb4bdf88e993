"""Events in every worker: wanted as the settings say, delivered to the webhook by one worker at a time."""

from __future__ import annotations

import logging
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.errors import LedgerRefused, LedgerUnreachable, SettingsInvalid
from pipeline.events import WANT_INTERVAL_S, Event, want_events
from pipeline.settings import Settings
from pipeline.store import Store
from pipeline.webhook import DUTY_S, Deliverer, Deliveries, Receiver
from workers.stopping import stop_by
from workers.turns import LOOK_INTERVAL_S, InTurns, is_stopping

if TYPE_CHECKING:
    from celery.worker.consumer import Consumer

log = logging.getLogger(__name__)

# For so long it delivers at the least what is there when it stops; one that only lost its broker, no longer.
LAST_TURN_S = LOOK_INTERVAL_S
JOIN_INTERVAL_S = 0.1


class WebhookDuty(InTurns):
    """Wants events, and delivers them if the settings name a webhook."""

    thread_name = "webhook"
    what_stops = "No event is delivered until then."

    def opened(self, parent: Consumer, settings: Settings, store: Store) -> WebhookTurns:
        """Give this worker's part in the deliveries."""
        return WebhookTurns(settings, store, worker=parent.hostname)

    def shutdown(self, parent: Consumer) -> None:
        """Stop with the worker: what is left of its grace when all else has ended is for what is there."""
        super().shutdown(parent)
        # Asked again to stop, a worker has less time than before.
        while self.is_alive() and time.monotonic() < (stop_by() or 0):
            self.wait(JOIN_INTERVAL_S)


class WebhookTurns:
    """One worker's part in the deliveries."""

    def __init__(self, settings: Settings, store: Store, *, worker: str) -> None:
        self._settings = settings
        self._store = store
        self._deliveries = Deliveries(store, worker=worker)
        self._want_at = 0.0

    def turn(self, stopped: threading.Event) -> None:
        """Deliver what is due; without anything to do, wait for it."""
        if not self._settings.events_wanted:
            stopped.wait()
            return
        self._want()
        if not self._settings.webhook_url:
            stopped.wait(LOOK_INTERVAL_S)
            return
        due = self._deliverer.turn(lambda: not is_stopping(stopped))
        if due is None or due.wait_s:
            stopped.wait(LOOK_INTERVAL_S if due is None else min(due.wait_s, LOOK_INTERVAL_S))
        elif not due.events:
            self._deliveries.wait(due.after, LOOK_INTERVAL_S)

    def leave(self) -> None:
        """Deliver what is there still, since this may be the last worker, and leave it to another one."""
        if not self._settings.webhook_url:
            return
        try:
            self._deliver_the_rest()
            self._deliveries.leave()
        except (LedgerUnreachable, LedgerRefused, SettingsInvalid) as error:
            log.warning("%s Another worker delivers events in %.0f s.", error, DUTY_S)

    def _deliver_the_rest(self) -> None:
        """Deliver what came about until now, as long as it is taken and the worker has time."""
        least = time.monotonic() + LAST_TURN_S

        def goes_on() -> bool:
            return time.monotonic() < max(least, stop_by() or 0)

        now_ms = int(self._store.run("clock")) // 1000
        while goes_on():
            due = self._deliverer.turn(goes_on)
            # What comes about meanwhile is for the others: a busy fleet would never let this one go.
            if due is None or due.wait_s or not due.events or happened_ms(due.events[-1]) > now_ms:
                return

    @cached_property
    def _deliverer(self) -> Deliverer:
        receiver = Receiver(self._settings.webhook_url or "", self._settings.webhook_key())
        return Deliverer(self._deliveries, receiver, namespace=self._settings.namespace)

    def _want(self) -> None:
        if time.monotonic() >= self._want_at:
            settings = self._settings
            want_events(self._store, kept=settings.events_wanted, webhook=settings.webhook_url is not None)
            self._want_at = time.monotonic() + WANT_INTERVAL_S


def happened_ms(event: Event) -> int:
    """Say when an event came about, by its place in the stream."""
    return int(event.id.partition("-")[0])
