"""A clock that stands until it is told to move."""

from __future__ import annotations

# A round time on purpose: one that a program may write as 1.7e+12.
NOON_S = 1_700_000_000.0


class Clock:
    """Seconds since the epoch, as `Ledger` and `Limiter` take them instead of the server's clock."""

    def __init__(self, now_s: float = NOON_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def advance(self, by_s: float) -> None:
        """Move on, or back for a negative number."""
        self.now_s += by_s
