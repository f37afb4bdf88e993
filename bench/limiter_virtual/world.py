"""A time of its own: events happen one after the other, and between two of them no time passes.

Invariant: time never goes back. What happens at the same instant happens in the order of its planning.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

# A round time on purpose: the first second, minute and hour of a day (UTC).
STARTS_AT_S = 1_699_920_000.0

Event = Callable[[], None]


class World:
    """The clock and what is going to happen."""

    def __init__(self) -> None:
        self.now_s = STARTS_AT_S
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Event]] = []

    @property
    def elapsed_s(self) -> float:
        """Give the seconds since the start."""
        return self.now_s - STARTS_AT_S

    def clock(self) -> float:
        """Give the seconds since the epoch, as the limiter takes them instead of the server's clock."""
        return self.now_s

    def after(self, wait_s: float, event: Event) -> None:
        """Plan an event, so long from now."""
        self.at(self.now_s + wait_s, event)

    def at(self, instant_s: float, event: Event) -> None:
        """Plan an event at an instant; one that has passed means now."""
        heapq.heappush(self._events, (max(self.now_s, instant_s), next(self._numbers), event))

    def run(self, span_s: float) -> None:
        """Let happen what is planned for the next `span_s` seconds."""
        ends_at_s = self.now_s + span_s
        while self._events and self._events[0][0] <= ends_at_s:
            self.now_s, _, event = heapq.heappop(self._events)
            event()
        self.now_s = ends_at_s
