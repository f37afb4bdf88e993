"""Something that is done turn by turn in a thread of every worker's parent process.

Invariants: it is done as long as the worker runs, whatever happens in one turn or before the first; a server
that is away is asked again, and what the server refuses for good, or a setting that is wrong, is said once.
A turn holds no state that others need: a thread that still waits for a server out of reach ends when it
answers.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from celery import bootsteps

from pipeline.errors import LedgerRefused, LedgerUnreachable, SettingsInvalid
from pipeline.settings import Settings
from pipeline.store import Store
from workers.stopping import stop_by

if TYPE_CHECKING:
    from celery.worker.consumer import Consumer

log = logging.getLogger(__name__)

UNREACHABLE_WAIT_S = 2.0
# How often a server that would lose jobs is looked at again.
REFUSED_WAIT_S = 10.0
# The longest that one turn waits for something to do.
LOOK_INTERVAL_S = 1


class Turns(Protocol):
    """What is done turn by turn."""

    def turn(self, stopped: threading.Event) -> None:
        """Do what there is to do, or wait for it, `LOOK_INTERVAL_S` at most."""

    def leave(self) -> None:
        """Tell others that this worker goes."""


class InTurns(bootsteps.StartStopStep):
    """Does it; who extends this says what, by `opened`.

    Attributes:
        thread_name: Of the thread.
        what_stops: Said when the server refuses for good.
        errors: As the store takes them.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)
    thread_name: ClassVar[str]
    what_stops: ClassVar[str]
    errors: ClassVar[str] = "strict"

    def __init__(self, parent: Consumer, **options: Any) -> None:
        super().__init__(parent, **options)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def opened(self, parent: Consumer, settings: Settings, store: Store) -> Turns:
        """Give what is done turn by turn by this worker."""
        raise NotImplementedError

    def start(self, parent: Consumer) -> None:
        """Begin."""
        # Of this start alone: the thread of the one before may not have ended yet.
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(parent, self._stopped), name=self.thread_name, daemon=True
        )
        self._thread.start()

    def stop(self, parent: Consumer) -> None:  # noqa: ARG002 - Celery's signature
        """Begin no further turn, and wait for the end of this one."""
        self._stopped.set()
        if self._thread:
            self._thread.join(timeout=LOOK_INTERVAL_S + 1)

    def shutdown(self, parent: Consumer) -> None:
        """Stop with the worker."""
        self.stop(parent)

    def is_alive(self) -> bool:
        """Tell whether the last turn goes on."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self, timeout_s: float) -> None:
        """Wait for the end of the last turn."""
        if self._thread:
            self._thread.join(timeout_s)

    def _run(self, parent: Consumer, stopped: threading.Event) -> None:
        with ExitStack() as stack:
            self._take_turns(parent, stopped, stack)

    def _take_turns(self, parent: Consumer, stopped: threading.Event, stack: ExitStack) -> None:
        turns: Turns | None = None
        said = ""
        while not is_stopping(stopped):
            try:
                # A secret's file may be empty just now, or not to be read, and be right again soon.
                turns = turns or self._open(parent, stack)
                turns.turn(stopped)
                said = ""
            except (SettingsInvalid, LedgerRefused) as error:
                if said != str(error):
                    log.critical("%s %s", error, self.what_stops)
                said = str(error)
                stopped.wait(REFUSED_WAIT_S)
            except LedgerUnreachable as error:
                log.warning("%s The %s asks again in %.0f s.", error, self.thread_name, UNREACHABLE_WAIT_S)
                stopped.wait(UNREACHABLE_WAIT_S)
            except Exception:
                log.exception("The %s failed and goes on in %.0f s.", self.thread_name, UNREACHABLE_WAIT_S)
                stopped.wait(UNREACHABLE_WAIT_S)

    def _open(self, parent: Consumer, stack: ExitStack) -> Turns:
        """Open what takes turns; the stack leaves and closes it."""
        settings = Settings.from_env()
        with ExitStack() as opening:
            store = Store.from_settings(settings, errors=self.errors)
            opening.callback(store.close)
            turns = self.opened(parent, settings, store)
            opening.callback(turns.leave)
            stack.push(opening.pop_all())
        return turns


def is_stopping(stopped: threading.Event) -> bool:
    """Tell whether the worker stops: it was asked to, and may not have come to this thread yet.

    What its processes hand back is for others.
    """
    return stopped.is_set() or stop_by() is not None
