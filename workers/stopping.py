"""How a worker comes to stop, and how its processes learn of it.

The parent gets the signal, its processes do the work. One number in memory that they share since the fork:
the instant by which work must end, on the system's monotonic clock; zero while nobody asked. What waits for
longer than that, for a server that is away or an answer that does not come, is ended. Asked twice, a
worker hands back at once what it holds, and is gone within seconds whatever still waits for an answer. One
that a command started (`--stop-at-end-of-input`) stops as with SIGTERM when that command is gone: its input
is a pipe that the command alone holds open.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import struct
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import billiard.pool
from billiard.process import active_children
from celery import bootsteps
from celery.signals import worker_shutting_down

from pipeline.fleet import AT_ONCE_S, STOP_MARGIN_S
from pipeline.settings import Settings

if TYPE_CHECKING:
    from celery.apps.worker import Worker

log = logging.getLogger(__name__)

STANDARD_INPUT = 0
ENDED = 1

# A process that ends waits until its parent has read its last result, for 30 s unless told otherwise, and a
# parent that stops does not always read it: one stop in fifteen took so long on a busy machine. Nobody here
# waits for results, so two seconds (of 0.1 s each) are enough.
billiard.pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20

_INSTANT = struct.Struct("d")
_shared = mmap.mmap(-1, _INSTANT.size)


def stop_by() -> float | None:
    """Give the instant by which this worker's work must end, on `time.monotonic`; None while it goes on."""
    instant: float = _INSTANT.unpack_from(_shared)[0]
    return instant or None


@worker_shutting_down.connect(weak=False)
def ask_to_stop(**_signal: object) -> None:
    """Tell every process of this worker to finish within its grace, or, asked again, to hand back at once."""
    now, asked_before = time.monotonic(), stop_by()
    if asked_before is None:
        grace_s = Settings.from_env().stop_grace_s
        _INSTANT.pack_into(_shared, 0, now + grace_s)
        _end_in(grace_s + STOP_MARGIN_S, "The worker did not stop in time, and is ended.")
        return
    _INSTANT.pack_into(_shared, 0, min(asked_before, now))
    _end_in(AT_ONCE_S, "Asked twice to stop, the worker ends although requests are under way.")


def _end_in(wait_s: float, sentence: str) -> None:
    """Let the worker's parent process end what is left when everything has had the time to be handed back."""
    threading.Thread(target=_end, args=(wait_s, sentence), name="end", daemon=True).start()


def _end(wait_s: float, sentence: str) -> None:
    time.sleep(wait_s)
    log.warning(sentence)
    for pid in filter(None, (process.pid for process in active_children())):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os._exit(ENDED)


class StopAtEndOfInput(bootsteps.StartStopStep):
    """Stops the worker when its standard input ends, if it was told to."""

    def __init__(self, parent: Worker, *, stop_at_end_of_input: bool = False, **options: Any) -> None:
        super().__init__(parent, **options)
        self.enabled = stop_at_end_of_input

    def start(self, parent: Worker) -> None:  # noqa: ARG002 - Celery's signature
        """Wait for the end of the input in a thread of the worker's parent process."""
        threading.Thread(target=_stop_at_end, name="end-of-input", daemon=True).start()


def _stop_at_end() -> None:
    while os.read(STANDARD_INPUT, 1024):
        pass
    log.warning("The command that started this worker is gone; the worker stops.")
    # It may be stopping already; that is not to be asked again.
    if stop_by() is None:
        os.kill(os.getpid(), signal.SIGTERM)
    # Nobody is left who would end what does not end by itself.
    time.sleep(Settings.from_env().stop_grace_s + STOP_MARGIN_S)
    os.killpg(os.getpid(), signal.SIGKILL)
