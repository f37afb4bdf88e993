"""Asking for slots at instants of the test's choice, in whole microseconds."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.job import Lane
from pipeline.limiter import HORIZON_S, Limiter, Limits
from pipeline.limiter.limiter import NO_JOB
from pipeline.store import Store
from tests.clocks import NOON_S, Clock

NOON_US = round(NOON_S * 1e6)
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
HORIZON_US = round(HORIZON_S * SECOND_US)


def make_limits(
    requests_per_second: float = 3.0,
    requests_per_day: int = 1_000_000,
    *,
    margin: float = 0.01,
    burst: int = 1,
    live_share: float = 0.0,
) -> Limits:
    return Limits(requests_per_second, requests_per_day, margin, burst, live_share)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the script says: `granted`, `later` or `closed`, how long to wait, and why."""

    kind: str
    wait_us: int
    reason: str


@dataclass(slots=True)
class Asker:
    """Asks the script `acquire` itself: the limiter gives its instants on the process's own clock."""

    store: Store
    limits: Limits
    now_us: int = NOON_US
    day_us: tuple[int | str, int | str] = ("", "")

    def ask(self, lane: Lane = Lane.BACKFILL, *, look_only: bool = False) -> Answer:
        """Ask for one slot now."""
        limits = self.limits
        kind, wait_us, reason, *_ = self.store.run(
            "acquire",
            self.now_us,
            lane,
            *limits.as_arguments(),
            HORIZON_US,
            "1" if look_only else "0",
            *self.day_us,
            "",
            0,
            *NO_JOB,
        )
        return Answer(kind, int(wait_us), reason)

    def slots_now(self, lane: Lane = Lane.BACKFILL) -> list[int]:
        """Ask until there is no slot for now; gives the instants of those granted."""
        slots = []
        while (answer := self.ask(lane)).kind == "granted":
            slots.append(self.now_us + answer.wait_us)
        return slots

    def slots(self, count: int, lane: Lane = Lane.BACKFILL) -> list[int]:
        """Ask on, as time passes, until so many slots were granted; gives their instants."""
        slots: list[int] = []
        while len(slots) < count:
            answer = self.ask(lane)
            if answer.kind == "granted":
                slots.append(self.now_us + answer.wait_us)
            else:
                self.now_us += answer.wait_us
        return slots

    def warm_up(self) -> None:
        """Let the silence of the first second pass."""
        self.ask()
        self.now_us += 60 * SECOND_US


def most_in_window(slots: list[int], window_us: int) -> int:
    """Count the most slots that any window of that length holds."""
    most, start = 0, 0
    for end, slot in enumerate(slots):
        while slots[start] <= slot - window_us:
            start += 1
        most = max(most, end - start + 1)
    return most


def open_limiter(store: Store, clock: Clock) -> Limiter:
    """Open a limiter in a time of its own, whose first second, which is silent, has passed."""
    opened = Limiter(store, make_limits(), clock=clock)
    opened.look(Lane.LIVE)
    clock.advance(60)
    return opened
