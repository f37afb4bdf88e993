"""Waiting for an event, with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOK_INTERVAL_S = 0.005


def await_true(holds: Callable[[], object], what: str, *, within_s: float = 10.0) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: It did not hold in time; the text says what was waited for.
    """
    ends_at = time.monotonic() + within_s
    pause = threading.Event()
    while not holds():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"Within {within_s:g} s it did not come about that {what}.")
        pause.wait(LOOK_INTERVAL_S)
