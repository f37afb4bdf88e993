"""How a worker comes to stop, and how its processes learn of it.

The parent gets the signal, its processes do the work. One number in memory that they share since the fork:
the instant by which work must end, on the system's monotonic clock; zero while nobody asked. A worker that a
command started (`--stop-at-end-of-input`) stops as with SIGTERM when that command is gone: its standard input
is a pipe which the command alone holds open.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import billiard.pool
from celery import bootsteps
from celery.signals import worker_shutting_down

from pipeline.fleet import STOP_MARGIN_S
from pipeline.settings import Settings

if TYPE_CHECKING:
    from celery.apps.worker import Worker

log = logging.getLogger(__name__)

STANDARD_INPUT = 0

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
    """Tell every process of this worker to finish within its grace, or hand back what it holds."""
    # Asked again, it does not take longer.
    if stop_by() is None:
        _INSTANT.pack_into(_shared, 0, time.monotonic() + Settings.from_env().stop_grace_s)


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
    os.kill(os.getpid(), signal.SIGTERM)
    # Nobody is left who would end what does not end by itself.
    time.sleep(Settings.from_env().stop_grace_s + STOP_MARGIN_S)
    os.killpg(os.getpid(), signal.SIGKILL)
