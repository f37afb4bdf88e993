"""Where the server's clock stands on this process's own.

What is known of the difference of two clocks is an interval: the server read its clock at some time between
question and answer. Each exchange gives one, and the difference lies in all of them. So an answer that took
long, because the server waited for its disk or this process for a processor, says less than those before
it and takes nothing away.

Invariants: the interval grows with time, since clocks drift apart. An exchange that contradicts it is taken
alone, and what was known of the way is forgotten: the server's clock was set, or the server is another one.
A way that became longer for good is soon taken for what it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Seconds that two clocks may drift apart in a second: ten times what those of computers do.
DRIFT = 2e-4
# What the first ones took need not be what they always take.
EXCHANGES_MIN = 3
# What counts is what the way took at best since so long, and before; longer while little is asked.
RECENT_S = 30.0


@dataclass(slots=True)
class ServerClock:
    """What is known of it, in seconds.

    Attributes:
        least, most: Between which the server's clock is ahead of `time.monotonic` here.
        at: When that was known.
        exchanges: How many there were since `since`.
        since: When the time began of which the following is.
        shortest_way_s: What question and answer took together at best.
        shortest_before_s: The same of the time before; None until enough is known of the way.
        doubt_s: By how much the difference may be wrong. That the ways there and back may always differ is
            left out, since nobody can know that; it counts until there were some exchanges.
    """

    least: float = -math.inf
    most: float = math.inf
    at: float = 0.0
    exchanges: int = 0
    since: float = 0.0
    shortest_way_s: float = math.inf
    shortest_before_s: float | None = None
    doubt_s: float = math.inf

    def note(self, read: float, *, sent_at: float, answered_at: float) -> None:
        """Take in that the server read `read` between these two times of `time.monotonic`."""
        drifted = DRIFT * (answered_at - self.at)
        least, most = read - answered_at, read - sent_at
        known_least, known_most = max(self.least - drifted, least), min(self.most + drifted, most)
        if known_least <= known_most:
            least, most = known_least, known_most
        else:
            self._begin_anew()
        self.least, self.most, self.at = least, most, answered_at
        self._note_way(answered_at - sent_at)
        self.doubt_s = max(0.0, most - least - self.always_s) / 2

    @property
    def always_s(self) -> float:
        """Say what question and answer take at least, 0 as long as that is not known."""
        if self.shortest_before_s is not None:
            return min(self.shortest_way_s, self.shortest_before_s)
        return self.shortest_way_s if self.exchanges >= EXCHANGES_MIN else 0.0

    def _note_way(self, way_s: float) -> None:
        if self.exchanges >= EXCHANGES_MIN and self.at - self.since > RECENT_S:
            self._begin_anew(self.shortest_way_s)
        if not self.exchanges:
            self.since = self.at
        self.exchanges += 1
        self.shortest_way_s = min(self.shortest_way_s, way_s)

    def _begin_anew(self, shortest_before_s: float | None = None) -> None:
        self.exchanges, self.shortest_way_s, self.shortest_before_s = 0, math.inf, shortest_before_s

    def here(self, there: float) -> float:
        """Say when it is on this process's `time.monotonic` so late on the server's clock."""
        return there - (self.least + self.most) / 2
