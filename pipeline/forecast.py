"""When recordings will be in, under the limits. Pure.

Plays the limiter's own rules (`lua/acquire.lua`) forward, in blocks of requests: the pace, the API's day with
what was used of it, what is kept for live, and a gate that opens at a known time. A test holds it to the
script. After two days every day is like the one before, so a forecast over months costs no more.

Invariants: it errs by a block at most, and mostly to the late side. Batches share the limits by turns
(`lua/claim.lua`), so each has an equal part as long as it has something to send, and the smallest ends first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import repeat
from math import ceil, inf
from zoneinfo import ZoneInfo

from pipeline.job import Counts
from pipeline.limiter import ROLLING, day_of

DAY_S = 86_400.0
# The API counts a request when it arrives; and the least that is kept for live of a rolling day, as a share
# of it (both from `lua/acquire.lua`).
ARRIVAL_S = 1.0
LIVE_LEAST = 0.002
# Into how many blocks the requests of a day are cut.
BLOCKS = 512
# Into how many pieces a block may be cut.
PIECES = 8
# What sums of fractions may lack.
ROUNDING = 1e-3
# How far to look on when others have used all of a budget that grows back.
GROWTH_STEP_S = 600.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is known of how fast requests may leave. Instants are seconds since the epoch.

    Attributes:
        pace: Requests a second, as the limiter grants them.
        requests_per_day: The limit a day.
        budget: What this pipeline has of it, as a long Retry-After taught; it grows back within a day.
        live_share: Share of the day kept for the live lane.
        day_window: `rolling`, or the time zone at whose midnight the API's day begins.
        used: Requests used of the day.
        granted: When they were granted: instants in order, each the last of an equal part of them.
        live: Requests of the live lane in the last day; as many are expected in each day to come.
        live_most: Those of its busiest day in the last week.
        opens_at: When the gate opens; 0 while it is open.
    """

    now: float
    pace: float
    requests_per_day: int
    budget: int
    live_share: float = 0.0
    day_window: str = ROLLING
    used: int = 0
    granted: Sequence[float] = ()
    live: int = 0
    live_most: int = 0
    opens_at: float = 0.0

    @property
    def least(self) -> int:
        """Give what backfill never touches of a rolling day."""
        if self.day_window != ROLLING:
            return 0
        kept = int(self.live_share * self.requests_per_day)
        # Where live uses all, it is as if one were left: nobody could say when it ends.
        wanted = ceil(LIVE_LEAST * self.requests_per_day) + self.live_most
        return min(kept, wanted, self.requests_per_day - 1)

    @property
    def for_backfill(self) -> int:
        """Give what backfill has of a whole day."""
        return max(1, self.requests_per_day - self.least - self.live)

    def budget_at(self, instant: float) -> float:
        """Give the budget of the day at an instant."""
        taught = max(0, self.requests_per_day - self.budget)
        return self.requests_per_day - taught * max(0.0, 1 - (instant - self.now) / DAY_S)

    def later(self, instant: float, days: int) -> float:
        """Give the same time so many of the API's days later."""
        if self.day_window == ROLLING:
            return instant + days * DAY_S
        there = datetime.fromtimestamp(instant, ZoneInfo(self.day_window))
        return (there + timedelta(days=days)).timestamp()


def requests_left(counts: Counts) -> int:
    """Say how many requests the jobs that wait still need, at most: two each, less the creates made.

    How many of the dead were created is not counted, so all of them are taken to be.
    """
    created = counts.created - counts.done - counts.dead - counts.cancelled
    return 2 * counts.waiting - max(0, created)


def finish_instants(requests: Sequence[int], allowance: Allowance) -> list[float]:
    """Say when each of several batches is done that begin together and share the limits equally.

    Args:
        requests: What each of them has left to send.
        allowance: What may be sent.

    Returns:
        Seconds since the epoch, in the order of the batches.
    """
    schedule = Schedule(allowance, sum(requests))
    return [schedule.at(share) for share in sent_by_the_end(requests)]


def sent_by_the_end(requests: Sequence[int]) -> list[int]:
    """Say of each batch how many requests of all have left when its last one does, if all send in turns.

    Until then each of the others sent as many as it did, or all that it had.
    """
    order = sorted(range(len(requests)), key=requests.__getitem__)
    sent, smaller = [0] * len(requests), 0
    for place, index in enumerate(order):
        sent[index] = smaller + requests[index] * (len(requests) - place)
        smaller += requests[index]
    return sent


class Schedule:
    """When the first, second, … of so many requests has left, if nobody else sends any."""

    def __init__(self, allowance: Allowance, requests: int) -> None:
        self._allowance = allowance
        self._a_day = min(allowance.for_backfill, allowance.pace * DAY_S)
        # So many requests have left at these instants; between them the number grows evenly.
        self._requests: list[float] = [0.0]
        self._instants: list[float] = [max(allowance.now, allowance.opens_at)]
        self._play(requests)

    def at(self, requests: int) -> float:
        """Say when so many requests have left, in seconds since the epoch."""
        beyond = requests - self._requests[-1]
        if beyond <= 0:
            return self._between(requests)
        days = ceil(beyond / self._a_day)
        return self._allowance.later(self._between(requests - days * self._a_day), days)

    def _play(self, requests: int) -> None:
        allowance = self._allowance
        day: _Day = _Rolling(allowance) if allowance.day_window == ROLLING else _Calendar(allowance)
        block = max(1, int(min(requests, self._a_day)) // BLOCKS)
        at, sent, ends = self._instants[0], 0, self._instants[0] + 2 * DAY_S
        while sent < requests and at < ends:
            size = min(block, requests - sent)
            at, size = day.grant(at + size / allowance.pace, size)
            # After a stop a block leaves at the pace again.
            self._add(sent, at - size / allowance.pace)
            sent += size
            self._add(sent, at)

    def _add(self, requests: float, instant: float) -> None:
        self._requests.append(requests)
        self._instants.append(instant)

    def _between(self, requests: float) -> float:
        after = bisect_left(self._requests, requests)
        if after == 0:
            return self._instants[0]
        few, many = self._requests[after - 1], self._requests[after]
        early, late = self._instants[after - 1], self._instants[after]
        return early + (late - early) * (requests - few) / (many - few)


class _Day:
    """The API's day as it is used up: what may leave, and when."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        # What live used is used again by live, and never comes back to backfill.
        spare = max(0, allowance.requests_per_day - allowance.least - 1)
        self._live = min(allowance.live, allowance.used, spare)
        self._used = float(allowance.used)

    def grant(self, at: float, size: int) -> tuple[float, int]:
        """Let a block leave, or what the day has of it, not before that instant; gives when and how many."""
        raise NotImplementedError

    def _melted_at(self, ends: float, left: float, budget: float) -> float:
        """Say when no more than is left is kept for live: its share melts to nothing until the day ends."""
        kept = self._allowance.live_share * budget
        return min(ends, ends - left / kept * DAY_S) if kept > 0 else 0.0


def _least_part(size: int) -> float:
    """Say how much of a block must fit for it to be cut: smaller pieces would only make more of them."""
    return max(1, size // PIECES) - ROUNDING


class _Rolling(_Day):
    """A day that rolls: each request comes back a day after it left."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(allowance)
        part = (allowance.used - self._live) / max(1, len(allowance.granted))
        ends = allowance.granted if part else ()
        # From when to when so many requests come back, evenly.
        self._coming = deque(map(_coming_back, (*ends[:1], *ends), ends, repeat(part)))

    def grant(self, at: float, size: int) -> tuple[float, int]:
        while True:
            self._let_come_back(at)
            budget = self._allowance.budget_at(at)
            room = budget - self._used - self._allowance.least
            if room < _least_part(size):
                at = max(at + ROUNDING, self._wait(at, size - room, budget))
                continue
            size = min(size, max(1, int(room + ROUNDING)))
            ends = self._coming[0][0] if self._coming else at
            melted_at = self._melted_at(ends, budget - self._used - size, budget)
            if melted_at <= at:
                break
            at = melted_at
        self._coming.append(_coming_back(at - size / self._allowance.pace, at, size))
        self._used += size
        return at, size

    def _wait(self, at: float, requests: float, budget: float) -> float:
        """Say until when to wait for so many to come back, or for a budget that grows."""
        grows_at = at + GROWTH_STEP_S if budget < self._allowance.requests_per_day else inf
        return min(grows_at, self._comes_back_at(requests) if self._coming else at + GROWTH_STEP_S)

    def _comes_back_at(self, requests: float) -> float:
        """Say when so many of those that come back next are there, or all of them if they are fewer."""
        begins, ends, size = self._coming[0]
        return begins + (ends - begins) * min(1.0, requests / size)

    def _let_come_back(self, at: float) -> None:
        while self._coming and (self._coming[0][0] < at or self._coming[0][1] <= at):
            begins, ends, size = self._coming.popleft()
            back = size if ends <= at else size * (at - begins) / (ends - begins)
            self._used -= back
            if ends > at:
                self._coming.appendleft((at, ends, size - back))


def _coming_back(began: float, ended: float, size: float) -> tuple[float, float, float]:
    """Say from when to when so many requests come back that left from when to when."""
    return began + DAY_S + ARRIVAL_S, ended + DAY_S + ARRIVAL_S, size


class _Calendar(_Day):
    """A day that begins anew at a time zone's midnight."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(allowance)
        self._ends = day_of(allowance.now, allowance.day_window)[1]

    def grant(self, at: float, size: int) -> tuple[float, int]:
        while True:
            if at >= self._ends:
                self._used = float(self._live)
                self._ends = day_of(at, self._allowance.day_window)[1]
            budget = self._allowance.budget_at(at)
            room = budget - self._used
            if room < _least_part(size):
                grows = budget < self._allowance.requests_per_day
                at = min(self._ends, at + GROWTH_STEP_S) if grows else self._ends
                continue
            size = min(size, max(1, int(room + ROUNDING)))
            # The last one leaves just before the day ends.
            melted_at = self._melted_at(self._ends - ROUNDING, room - size, budget)
            if melted_at <= at:
                break
            at = melted_at
        self._used += size
        return at, size
