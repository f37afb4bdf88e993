"""The fleet's token bucket and gate: no request leaves without a slot from here.

A slot is the exact instant, on the server's clock, at which one request may leave. Slots are paced evenly
with a margin, under a limit a second and a rolling limit a day at once (`lua/acquire.lua`). While the gate
is closed no slot is given; a gate without a known end lets one probe through at growing intervals.

Invariants: a slot is bound at most `HORIZON_S` ahead. A slot whose instant has passed by more than
`LATE_S` is given up, not used late: a late request would come too close to the next one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Self

from pipeline.job import Lane
from pipeline.settings import Settings
from pipeline.store import Clock, Store

HORIZON_S = 2.0
# With a margin of 1 %, a second holds 10 ms to spare. A request this much late still keeps its distance, with
# 3 ms left for the way.
LATE_S = 0.007
# A Retry-After up to this long speaks of the limit a second, so the pace was too fast.
SHORT_RETRY_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the API allows the company, and how closely to follow it.

    Attributes:
        margin: Share of the rate left unused, for jitter on the way.
        live_share: Share of the day's budget kept for the live lane.
    """

    requests_per_second: float
    requests_per_day: int
    margin: float
    burst: int
    live_share: float


@dataclass(frozen=True, slots=True)
class Slot:
    """The instant at which a request may leave.

    Attributes:
        leaves_at: On this process's `time.monotonic`, in seconds.
        is_probe: Whether the gate is closed and waits for what becomes of this request.
        failures: Failed requests in a row before it.
    """

    leaves_at: float
    is_probe: bool
    failures: int

    @property
    def wait_s(self) -> float:
        """Give the time left until the request may leave."""
        return max(0.0, self.leaves_at - time.monotonic())


@dataclass(frozen=True, slots=True)
class Refusal:
    """No slot now: when to ask again, and why (`second`, `day`, or the gate's reason)."""

    wait_s: float
    reason: str


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


@dataclass(frozen=True, slots=True)
class Use:
    """What was granted: `today` in the last 24 h; `count` since an instant, `span_s` from first to last."""

    today: int
    count: int
    span_s: float


class Limiter:
    """The limiter of one namespace. Every method raises `LedgerUnreachable`: then no request leaves."""

    def __init__(self, store: Store, limits: Limits, *, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock
        self.limits = limits

    @classmethod
    def from_settings(cls, settings: Settings, store: Store) -> Self:
        """Open the limiter with the limits of the settings."""
        limits = Limits(
            requests_per_second=settings.requests_per_second,
            requests_per_day=settings.requests_per_day,
            margin=settings.rate_margin,
            burst=settings.burst,
            live_share=settings.live_share,
        )
        return cls(store, limits)

    def acquire(self, lane: Lane) -> Slot | Refusal:
        """Bind the next free slot for one request, or learn when to ask again."""
        return self._ask(lane, look_only=False)

    def look(self, lane: Lane) -> Slot | Refusal:
        """See what `acquire` would answer, and bind nothing."""
        return self._ask(lane, look_only=True)

    def close_for(self, retry_after_s: float, detail: str) -> None:
        """Close the gate because the API answered 429, until its Retry-After is over."""
        self._close("rate_limited", detail, retry_after_s)

    def close_unauthorized(self, detail: str) -> None:
        """Close the gate because the API refused the credentials; a probe finds out when it takes them."""
        self._close("unauthorized", detail)

    def close_wrong_address(self, detail: str) -> None:
        """Close the gate because what answers is not the API; a probe finds out when it is."""
        self._close("wrong_address", detail)

    def close_by_hand(self, detail: str) -> None:
        """Close the gate until somebody opens it by hand."""
        self._close("by_hand", detail)

    def open_by_hand(self) -> bool:
        """Open the gate, whatever closed it; tells whether it was closed."""
        return bool(self._run("open"))

    def note_failure(self, detail: str, *, failures_to_close: int) -> int:
        """Count a failed request; so many in a row close the gate. Gives how many there are."""
        return int(self._run("note_failure", failures_to_close, detail))

    def note_success(self, slot: Slot) -> None:
        """End the run of failures and open a gate that waited for this; costs nothing when there was none."""
        if slot.is_probe or slot.failures:
            self._run("note_success")

    def probe_now(self) -> None:
        """Let the next request probe a gate that waits for one, because the settings may be right now."""
        self._run("probe_now")

    def gate(self) -> Gate | None:
        """Read the gate; None while it is open."""
        values = self._run("gate")
        if not values:
            return None
        reason, detail, mode, *times_us = values
        return Gate(reason, detail, mode, *(int(time_us) / 1e6 for time_us in times_us))

    def clock(self) -> float:
        """Read the server's clock: seconds since the epoch."""
        return int(self._store.run("clock")) / 1e6

    def use(self, *, since: float | None = None) -> Use:
        """See how many requests were granted in the last day, and since an instant on the server's clock."""
        since_us = "" if since is None else round(since * 1e6)
        today, count, first_us, last_us = self._run("budget", since_us)
        return Use(today, count, (int(last_us) - int(first_us)) / 1e6)

    def _run(self, script: str, *arguments: str | float) -> Any:
        """Run a script that begins with the time."""
        now_us = "" if self._clock is None else round(self._clock() * 1e6)
        return self._store.run(script, now_us, *arguments)

    def _ask(self, lane: Lane, *, look_only: bool) -> Slot | Refusal:
        limits = self.limits
        asked_at = time.monotonic()
        answer = self._run(
            "acquire",
            lane,
            limits.requests_per_second,
            limits.requests_per_day,
            limits.margin,
            limits.burst,
            limits.live_share,
            round(HORIZON_S * 1e6),
            "1" if look_only else "0",
        )
        wait_s = int(answer[1]) / 1e6
        if answer[0] != "granted":
            return Refusal(wait_s, answer[2])
        # The server read its clock about halfway between the question and the answer.
        asked_and_answered = (asked_at + time.monotonic()) / 2
        return Slot(asked_and_answered + wait_s, is_probe=answer[2] == "1", failures=int(answer[3]))

    def _close(self, reason: str, detail: str, wait_s: float = 0.0) -> None:
        self._run(
            "close",
            reason,
            detail,
            round(wait_s * 1e6),
            self.limits.margin,
            round(SHORT_RETRY_AFTER_S * 1e6),
        )
