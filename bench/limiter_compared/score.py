"""Who is measured against what, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "gong-ingest"
# Of each match; all of them share one limiter.
PROCESSES = 8


@dataclass(frozen=True, slots=True)
class Match:
    """Who is measured, and against what."""

    contender: str
    policy: str
    per_second: int
    threads: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Score:
    """What came of it.

    Attributes:
        use: Accepted by allowed requests, after the first two seconds.
        commands: Commands to the limiter's server for each accepted request.
        fairness: Smallest share of a process by the largest.
        p50_s, p99_s: How long an acquire took after the warm-up, the wait for the slot included.
        missed: Slots of this project's limiter that came and went before their process was awake.
        late: Its requests that left after their slots.
    """

    match: Match
    use: float
    accepted: int
    rejected: int
    commands: float
    fairness: float
    p50_s: float
    p99_s: float
    missed: int
    late: int = 0

    @property
    def sent(self) -> int:
        """Count the requests that were sent."""
        return self.accepted + self.rejected

    @property
    def product(self) -> float:
        """Give use times the share of requests that met no 429."""
        return self.use * self.accepted / self.sent if self.sent else 0.0
