"""The intake in every worker: one of them at a time hands in what systems with a Celery client have sent.

The messages are not consumed through Celery. Its transport pops a message and notes it as unacknowledged by
two commands, and a worker that is killed in between loses it, acknowledged late or not; here it is the only
copy. So they are looked at where they lie, and taken away when the ledger has what they hold.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from pipeline.errors import LedgerRefused, LedgerUnreachable
from pipeline.intake import DUTY_S, Intake, Turn
from pipeline.ledger import Ledger
from pipeline.settings import Settings
from pipeline.store import Store
from workers.message import LISTS, read_message
from workers.turns import LOOK_INTERVAL_S, InTurns

if TYPE_CHECKING:
    from celery.worker.consumer import Consumer

log = logging.getLogger(__name__)


class IntakeDuty(InTurns):
    """Runs the intake."""

    thread_name = "intake"
    what_stops = "No message of the intake is taken until then."
    # A message may hold anything.
    errors = "surrogateescape"

    def opened(self, parent: Consumer, settings: Settings, store: Store) -> IntakeTurns:
        """Give this worker's part in the intake."""
        ledger = Ledger.from_settings(settings, store)
        return IntakeTurns(Intake(store, ledger, worker=parent.hostname, lists=LISTS))


class IntakeTurns:
    """One worker's part in the intake."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def turn(self, stopped: threading.Event) -> None:
        """Hand in what waits; without anything to do, wait for it."""
        done = self._intake.turn(read_message)
        _tell(done)
        if not done.is_mine:
            stopped.wait(LOOK_INTERVAL_S)
        elif not done.found:
            self._intake.wait(LOOK_INTERVAL_S)

    def leave(self) -> None:
        """Leave it to another worker."""
        try:
            self._intake.leave()
        except (LedgerUnreachable, LedgerRefused) as error:
            log.warning("%s Another worker takes the intake over in %.0f s.", error, DUTY_S)


def _tell(done: Turn) -> None:
    """Say how many were refused, with the first one as an example; the values in it are left out."""
    if done.refused:
        first = done.refused[0]
        log.warning(
            "%d of %d messages of the intake were refused (gong-ingest dead), such as that of %s: %s.",
            len(done.refused),
            done.found,
            first.client_unique_id,
            first.code,
        )
