"""Waiting for an event, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# What takes long is looked at less often: to look costs time that the processes under test need.
LOOK_INTERVAL_S, LOOK_INTERVAL_MAX_S, SHARE_OF_WAIT = 0.005, 0.05, 0.02


def await_true(holds: Callable[[], object], what: str, *, within_s: float = 30.0) -> None:
    """Wait until something holds; it is looked at once more when the time is over.

    Raises:
        TimeoutError: It did not hold in time; the text says what was waited for.
    """
    began = time.monotonic()
    pause = threading.Event()
    while True:
        waited_s = time.monotonic() - began
        if holds():
            return
        if waited_s > within_s:
            raise TimeoutError(f"Within {within_s:g} s it did not come about that {what}.")
        pause.wait(min(max(LOOK_INTERVAL_S, SHARE_OF_WAIT * waited_s), LOOK_INTERVAL_MAX_S))
