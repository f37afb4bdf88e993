"""What an asker is given: a slot, or the word when to ask again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Self

from pipeline.job import Lane

# A slot whose instant is known no better than this is not used: it is twice what a second holds to spare.
VAGUE_S = 0.02
# With a margin of 1 %, a second holds 10 ms to spare. A request this much late still keeps its distance, with
# 3 ms left for the way.
LATE_S = 0.007


@dataclass(frozen=True, slots=True)
class Slot:
    """The instant at which a request may leave.

    Attributes:
        leaves_at: On this process's `time.monotonic`, in seconds.
        at_us: The same instant on the server's clock, in microseconds since the epoch.
        lane: For whom it was bound; one of the backfill lane may be moved for live.
        notice: Number of the last notice when it was bound; later ones may concern it.
        is_probe: Whether the gate is closed and waits for what becomes of this request.
        failures: Failed requests in a row before it.
        doubt_s: By how much it may be earlier or later than this process takes it to be.
    """

    leaves_at: float
    at_us: int
    lane: Lane
    notice: int
    is_probe: bool
    failures: int
    doubt_s: float = 0.0

    @property
    def is_vague(self) -> bool:
        """Tell whether its instant is not known well enough to use it."""
        return self.doubt_s > VAGUE_S

    @property
    def wait_s(self) -> float:
        """Give the time left until the request may leave."""
        return max(0.0, self.leaves_at - time.monotonic())

    @property
    def is_missed(self) -> bool:
        """Tell whether the instant has passed by so much that a request would come too close to the next."""
        return time.monotonic() - self.leaves_at > LATE_S

    def after(self, notice: int, *, by_us: int = 0) -> Self:
        """Give the slot as it is after a notice, moved by so many microseconds."""
        return replace(self, leaves_at=self.leaves_at + by_us / 1e6, at_us=self.at_us + by_us, notice=notice)


@dataclass(frozen=True, slots=True)
class Refusal:
    """No slot now: when to ask again, and why (`second`, `day`, or the gate's reason)."""

    wait_s: float
    reason: str
