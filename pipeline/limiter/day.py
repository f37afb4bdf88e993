"""The API's day as it is used, and how fast requests left in the last moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

# So many instants tell when the requests of a day were granted.
PARTS = 64
# Long enough for a steady number, short enough to tell a stop; at a slow pace ten intervals.
MOMENTS_S, MOMENTS_INTERVALS = 10.0, 10.0


@dataclass(frozen=True, slots=True)
class Day:
    """What was used of the API's day. Instants are seconds since the epoch on the server's clock.

    Attributes:
        now: When this was seen.
        used: Requests used of the day: of the last 24 hours, or since its midnight.
        live: Requests of the live lane in the last 24 hours.
        live_most: Those in its busiest day of the last week.
        recent: Requests that left in the last moments.
        first, last: When the first and the last of these left.
        granted: When each of so many equal parts of those used was complete.
    """

    now: float
    used: int
    live: int = 0
    live_most: int = 0
    recent: int = 0
    first: float = 0.0
    last: float = 0.0
    granted: tuple[float, ...] = ()

    @classmethod
    def from_answer(cls, now_us: str, *rest: Any) -> Self:
        """Read what the script `day` answers."""
        used, live, live_most, recent, *instants_us = rest
        first, last, *granted = (int(instant_us) / 1e6 for instant_us in instants_us)
        return cls(int(now_us) / 1e6, used, live, live_most, recent, first, last, tuple(granted))

    def rate(self, pace: float) -> float:
        """Give the requests a second of the last moments.

        Between the first and the last one, so that it is steady; but when the next one is late by more than
        an interval, up to now.
        """
        interval_s = 1 / pace
        span_s = max(self.last - self.first, self.now - self.first - 2 * interval_s)
        return (self.recent - 1) / span_s if self.recent > 1 and span_s > 0 else 0.0


def moments_s(requests_per_second: float) -> float:
    """Say how long the last moments are, at a limit."""
    return max(MOMENTS_S, MOMENTS_INTERVALS / requests_per_second)
