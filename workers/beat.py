"""Whether a worker's main loop, which takes messages and hands them to processes, still turns."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery.worker.consumer import Consumer

INTERVAL_S = 1.0
# A connection to the broker that is half open holds the loop up for about 20 s, which is no fault of it.
SILENCE_MAX_S = 30.0


class Beat:
    """Counts from the loop's own timer; asked from another thread."""

    def __init__(self) -> None:
        self._last_at = time.monotonic()
        self._entry: Any = None

    def start(self, parent: Consumer) -> None:
        """Let the loop's timer beat."""
        self._last_at = time.monotonic()
        self._entry = parent.timer.call_repeatedly(INTERVAL_S, self.beat)

    def stop(self) -> None:
        """Beat no more."""
        if self._entry is not None:
            self._entry.cancel()

    def beat(self) -> None:
        """Note that the loop came by."""
        self._last_at = time.monotonic()

    def is_heard(self) -> bool:
        """Tell whether the loop came by lately."""
        return time.monotonic() - self._last_at <= SILENCE_MAX_S
