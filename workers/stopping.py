"""How the processes of a worker learn that it was asked to stop.

The parent gets the signal, its processes do the work. One number in memory that they share since the fork:
the instant by which work must end, on the system's monotonic clock; zero while nobody asked.
"""

from __future__ import annotations

import mmap
import struct
import time

from celery.signals import worker_shutting_down

from pipeline.settings import Settings

_INSTANT = struct.Struct("d")
_shared = mmap.mmap(-1, _INSTANT.size)


def stop_by() -> float | None:
    """Give the instant by which this worker's work must end, on `time.monotonic`; None while it goes on."""
    instant: float = _INSTANT.unpack_from(_shared)[0]
    return instant or None


@worker_shutting_down.connect(weak=False)
def ask_to_stop(**_signal: object) -> None:
    """Tell every process of this worker to finish within its grace, or hand back what it holds."""
    _INSTANT.pack_into(_shared, 0, time.monotonic() + Settings.from_env().stop_grace_s)
