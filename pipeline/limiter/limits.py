"""What the API allows, and how closely it is followed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

# The API's day as a window that rolls; otherwise the name of the time zone at whose midnight it begins.
ROLLING = "rolling"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the API allows the company, and how closely to follow it.

    Attributes:
        margin: Share of the rate left unused, for jitter on the way.
        burst: Requests that may leave at once after a pause.
        live_share: Share of the day's budget kept for the live lane.
        day_window: `rolling`, or the time zone at whose midnight the API's day begins.
    """

    requests_per_second: float
    requests_per_day: int
    margin: float
    burst: int
    live_share: float
    day_window: str = ROLLING

    def as_arguments(self) -> tuple[float, int, float, int, float]:
        """Give what every script takes that follows the limits, in their order."""
        return self.requests_per_second, self.requests_per_day, self.margin, self.burst, self.live_share


@dataclass(frozen=True, slots=True)
class InForce:
    """The limits that hold now for every worker, whatever its settings.

    Attributes:
        limits: Those set while running, else those of the settings.
        changed: Names of the settings that were set while running.
        margin: The margin now: after a 429 it is wider than the limits say, for some time.
        requests_per_day: The day's budget now: after a long Retry-After lower than the limit.
        missed: Slots that their holders gave up because they came too late.
        late: Requests that left after their slots all the same: a connection was gone, or the machine busy.
    """

    limits: Limits
    changed: tuple[str, ...]
    margin: float
    requests_per_day: int
    missed: int
    late: int

    @classmethod
    def from_answer(cls, day_window: str, *values: str) -> Self:
        """Read what the script `limits` answers; the day's window is that of the settings."""
        per_second, per_day, margin, burst, live_share, margin_now, per_day_now, missed, late, *changed = (
            values
        )
        limits = Limits(
            float(per_second), int(per_day), float(margin), int(burst), float(live_share), day_window
        )
        return cls(limits, tuple(changed), float(margin_now), int(per_day_now), int(missed), int(late))

    @property
    def pace(self) -> float:
        """Give the requests a second that are granted."""
        return self.limits.requests_per_second * (1 - self.margin)


def day_of(instant: float, zone: str) -> tuple[float, float]:
    """Give the start and the end of the day around an instant, in seconds since the epoch.

    A day has 23 or 25 hours when the zone's clocks are changed.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: There is no such zone.
    """
    place = ZoneInfo(zone)
    date = datetime.fromtimestamp(instant, place).date()
    starts, ends = (
        datetime.combine(date + timedelta(days=days), time(), place).timestamp() for days in (0, 1)
    )
    return starts, ends
