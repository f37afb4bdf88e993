"""The limits of the company under three policies; pure, the time is passed in.

Gong says how many requests it allows, and not how it counts them (`API.md`, Limits). So there are three ways:

    fixed     calendar seconds and calendar days (UTC): a count that starts again at every boundary
    sliding   at most R requests in any span (now - 1 s, now], at most N in any span of a day
    bucket    R tokens (at least one), refilled at R a second; N tokens a day, refilled evenly over the day

A fractional R widens the second: 2.5 a second are 3 in 1.2 s, and 0.5 are 1 in 2 s.

Invariants: a request that is rejected takes nothing from either budget. Times never go back.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Protocol

# Evenly paced requests of exactly 1/R s must not be refused for the rounding of their sum.
ROUNDING = 1e-9


class Budget(Protocol):
    """One limit: so many requests in so long a time."""

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until a request would be allowed; 0 when it is allowed now."""

    def take(self, now_s: float) -> None:
        """Count one request that was allowed."""


class FixedWindow:
    """At most `count` requests between two multiples of `window_s` on the wall clock."""

    def __init__(self, count: int, window_s: float, wall_start_s: float) -> None:
        self._count = count
        self._window_s = window_s
        self._wall_start_s = wall_start_s
        self._window = -1
        self._taken = 0

    def _enter(self, now_s: float) -> float:
        wall_s = self._wall_start_s + now_s
        window = math.floor(wall_s / self._window_s)
        if window != self._window:
            self._window, self._taken = window, 0
        return (window + 1) * self._window_s - wall_s

    def wait_s(self, now_s: float) -> float:
        """Return the seconds to wait, 0 for none."""
        left_s = self._enter(now_s)
        # A full window has a wait, even where its end is now but for the rounding of a division.
        return max(left_s, ROUNDING) if self._taken >= self._count else 0.0

    def take(self, now_s: float) -> None:
        """Count a request."""
        self._enter(now_s)
        self._taken += 1


class SlidingWindow:
    """At most `count` requests in any span (now - window_s, now]."""

    def __init__(self, count: int, window_s: float) -> None:
        self._window_s = window_s
        # Only the last `count` times matter: the oldest of them must have left the window.
        self._times_s: deque[float] = deque(maxlen=count)

    def wait_s(self, now_s: float) -> float:
        """Return the seconds to wait, 0 for none."""
        if len(self._times_s) < (self._times_s.maxlen or 0):
            return 0.0
        return max(0.0, self._times_s[0] + self._window_s - now_s)

    def take(self, now_s: float) -> None:
        """Count a request."""
        self._times_s.append(now_s)


class TokenBucket:
    """`capacity` tokens at the start and at most, refilled at `rate_per_s`; a request takes one."""

    def __init__(self, capacity: float, rate_per_s: float) -> None:
        self._capacity = capacity
        self._rate_per_s = rate_per_s
        self._tokens = capacity
        self._filled_s = 0.0

    def _fill(self, now_s: float) -> None:
        refill = (now_s - self._filled_s) * self._rate_per_s
        self._tokens = min(self._capacity, self._tokens + refill)
        self._filled_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Return the seconds to wait, 0 for none."""
        self._fill(now_s)
        missing = 1.0 - self._tokens
        return missing / self._rate_per_s if missing > ROUNDING else 0.0

    def take(self, now_s: float) -> None:
        """Count a request."""
        self._fill(now_s)
        self._tokens -= 1.0


def make_budget(policy: str, rate: float, span_s: float, wall_start_s: float) -> Budget:
    """Make the budget of `rate` requests in `span_s` seconds; `wall_start_s` is the Unix time at time 0."""
    count = math.ceil(rate)
    window_s = span_s * count / rate
    if policy == "fixed":
        return FixedWindow(count, window_s, wall_start_s)
    if policy == "sliding":
        return SlidingWindow(count, window_s)
    return TokenBucket(max(1.0, rate), rate / span_s)


class Limits:
    """Both limits of the company, over all its requests."""

    def __init__(
        self,
        policy: str,
        requests_per_second: float,
        requests_per_day: int,
        *,
        day_s: float,
        wall_start_s: float,
    ) -> None:
        self._budgets = (
            make_budget(policy, requests_per_second, 1.0, wall_start_s),
            make_budget(policy, requests_per_day, day_s, wall_start_s),
        )

    def admit(self, now_s: float) -> float:
        """Take one request from both budgets and return 0; or take nothing and return the wait in seconds."""
        wait_s = max(budget.wait_s(now_s) for budget in self._budgets)
        if wait_s == 0.0:
            for budget in self._budgets:
                budget.take(now_s)
        return wait_s


def retry_after_s(wait_s: float) -> int:
    """Round a wait up to the whole seconds of `Retry-After`, at least 1 (`API.md`, Limits)."""
    return max(1, math.ceil(wait_s))
