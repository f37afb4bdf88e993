"""The gate as it is told of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

# What may close it, the mildest first.
REASONS = ("rate_limited", "failing", "unauthorized", "wrong_address", "by_hand")


@dataclass(frozen=True, slots=True)
class Gate:
    """The closed gate. Times are seconds since the epoch on the server's clock.

    Attributes:
        mode: `timed` (opens at `until`), `probe` (one request may try at `until`) or `hand`.
        confirmed: When its reason was last given; a gate of yesterday may have been mended since.
    """

    reason: str
    detail: str
    mode: str
    since: float
    until: float
    confirmed: float

    @classmethod
    def from_answer(cls, *values: str) -> Self | None:
        """Read what the script `gate` answers; None while the gate is open."""
        if not values:
            return None
        reason, detail, mode, *times_us = values
        return cls(reason, detail, mode, *(int(time_us) / 1e6 for time_us in times_us))

    @property
    def is_probed(self) -> bool:
        """Tell whether it waits for one request to find out."""
        return self.mode == "probe"

    @property
    def sentence(self) -> str:
        """Say why nothing is sent, since when and until when, on this machine's clock."""
        return f"{self.times}: {self.reason}: {self.detail}"

    @property
    def times(self) -> str:
        """Say since when and until when nothing is sent, on this machine's clock."""
        until = _time_of(self.until)
        end = {
            "timed": f"until {until}",
            "probe": f"next try at {until}",
            "hand": "until it is opened by hand",
        }[self.mode]
        return f"gate closed since {_time_of(self.since)}, {end}"


def _time_of(instant: float) -> str:
    """Give the time of day, with the date of any day but today."""
    then = datetime.fromtimestamp(instant).astimezone()
    is_today = then.date() == datetime.now().astimezone().date()
    return f"{then:%H:%M:%S}" if is_today else f"{then:%Y-%m-%d %H:%M:%S}"
