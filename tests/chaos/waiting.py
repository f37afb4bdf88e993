"""Watching that something stays so, for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOK_INTERVAL_S = 0.02


def hold_true(holds: Callable[[], object], what: str, *, for_s: float) -> None:
    """Watch that something stays so.

    Raises:
        AssertionError: It did not; the text says what was watched.
    """
    began = time.monotonic()
    pause = threading.Event()
    while (watched_s := time.monotonic() - began) < for_s:
        assert holds(), f"After {watched_s:.2f} s it was no longer so that {what}."
        pause.wait(LOOK_INTERVAL_S)
