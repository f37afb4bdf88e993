"""The limiter of one namespace: slots, the gate, and the limits that both follow.

A slot is the exact instant, on the server's clock, at which one request may leave. Slots are paced evenly
with a margin, under a limit a second and a limit a day at once (`lua/acquire.lua`). While the gate is closed
no slot is given, and those that were bound are taken back by a notice; a gate without a known end lets one
probe through at growing intervals.

Invariants: a slot is bound at most `HORIZON_S` ahead. A slot whose instant has passed by more than
`LATE_S` is given up, not used late: a late request would come too close to the next one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pipeline.errors import LeaseLost
from pipeline.job import Held, Lane, Step
from pipeline.limiter.clock import ServerClock
from pipeline.limiter.gate import Gate
from pipeline.limiter.limits import ROLLING, InForce, Limits, day_of
from pipeline.limiter.slot import LATE_S, Refusal, Slot
from pipeline.settings import Settings
from pipeline.store import Clock, Store

# Far enough that each of eight processes finds a slot at 3 requests/s in one round trip; what a worker takes
# with it when it dies is no more than that.
HORIZON_S = 3.0
# Whoever needs longer to be ready is stuck, not slow.
LEAD_MAX_S = 1.0
# A Retry-After up to this long speaks of the limit a second, so the pace was too fast.
SHORT_RETRY_AFTER_S = 10.0
# One of at least this long speaks of the limit a day: somebody else used it up.
LONG_RETRY_AFTER_S = 600.0

# Who knows the server's clock worse asks for the time alone, so often at most: a request that leaves late by
# what its process does not know takes from the 10 ms that a second holds to spare.
SURE_S = 0.002
CLOCK_READINGS_MAX = 3

# For which job a request is: its id, lease token and run, and what is noted of it.
Asker = tuple[str, int | str, str, str]
NO_JOB: Asker = ("", "", "", "")


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
        self._server_clock = ServerClock()
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
            day_window=settings.day_window,
        )
        return cls(store, limits)

    def acquire(
        self,
        lane: Lane,
        *,
        missed: Slot | None = None,
        lead_s: float = 0.0,
        held: Held | None = None,
        is_noted: bool = False,
    ) -> Slot | Refusal:
        """Bind the next free slot for one request, or learn when to ask again.

        Args:
            lane: A request of the live lane goes before those of backfill that wait.
            missed: The slot that this request held before and did not use; the day has it again.
            lead_s: How long the asker needs to be ready; the slot comes no sooner.
            held: The job that the request is for. With the slot it is noted that its outcome is open.
            is_noted: It was noted before, with a slot that was not used.

        Raises:
            LeaseLost: The lease on the job is lost: no slot was bound, and the request must not leave.
        """
        return self._ask(
            lane, missed=missed, lead_s=min(lead_s, LEAD_MAX_S), asker=_asker(held, is_noted=is_noted)
        )

    def look(self, lane: Lane) -> Slot | Refusal:
        """See what `acquire` would answer, and bind nothing."""
        return self._ask(lane, look_only=True)

    def give_up(self, slot: Slot) -> None:
        """Let the day have a slot again that was not used, and ask for no other."""
        self._ask(slot.lane, look_only=True, missed=slot)

    def in_force(self) -> InForce:
        """See the limits that hold now for every worker."""
        answer = self._run("limits", *self.limits.as_arguments())
        return InForce.from_answer(self.limits.day_window, *answer)

    def set_limits(self, changes: Mapping[str, float | None]) -> None:
        """Set limits for every worker while they run, by the names of the settings; None takes one back."""
        texts = (text for name, value in changes.items() for text in (name, "" if value is None else value))
        self._run("set_limits", *texts)

    def close_for(self, retry_after_s: float, detail: str) -> None:
        """Close the gate because the API answered 429, until its Retry-After is over."""
        self._close("rate_limited", detail, retry_after_s)

    def close_unauthorized(self, detail: str, *, retry_after_s: float = 0.0) -> None:
        """Close the gate because the API refused the credentials; a probe finds out when it takes them."""
        self._close("unauthorized", detail, retry_after_s)

    def close_wrong_address(self, detail: str) -> None:
        """Close the gate because what answers is not the API; a probe finds out when it is."""
        self._close("wrong_address", detail)

    def close_by_hand(self, detail: str) -> None:
        """Close the gate until somebody opens it by hand."""
        self._close("by_hand", detail)

    def open_by_hand(self) -> bool:
        """Open the gate, whatever closed it; tells whether it was closed."""
        return bool(self._run("open"))

    def note_failure(self, detail: str, *, failures_to_close: int, retry_after_s: float = 0.0) -> int:
        """Count a failed request; so many in a row close the gate. Gives how many there are."""
        return int(self._run("note_failure", failures_to_close, detail, round(retry_after_s * 1e6)))

    def note_success(self, slot: Slot) -> None:
        """End the run of failures and open a gate that waited for this; costs nothing when there was none."""
        if slot.is_probe or slot.failures:
            self._run("note_success")

    def note_late(self, slot: Slot, late_s: float) -> None:
        """Count a request that left so much after its slot, and let the slots behind it wait for it."""
        self._run("note_late", slot.at_us, round((late_s - LATE_S) * 1e6))

    def probe_now(self) -> None:
        """Let the next request probe a gate that waits for one, because the settings may be right now."""
        self._run("probe_now")

    def gate(self) -> Gate | None:
        """Read the gate; None while it is open."""
        return Gate.from_answer(*self._run("gate"))

    def clock(self) -> float:
        """Read the server's clock: seconds since the epoch."""
        return int(self._store.run("clock")) / 1e6

    def use(self, *, since: float | None = None) -> Use:
        """See how many requests were granted in the last day, and since an instant on the server's clock."""
        since_us = "" if since is None else round(since * 1e6)
        today, count, first_us, last_us = self._run("budget", since_us)
        return Use(today, count, (int(last_us) - int(first_us)) / 1e6)

    def day_us(self) -> tuple[int | str, int | str]:
        """Give the bounds of the API's day. The script corrects them if the server's clock is past them."""
        if self.limits.day_window == ROLLING:
            return "", ""
        now = time.time() if self._clock is None else self._clock()
        starts, ends = day_of(now, self.limits.day_window)
        return round(starts * 1e6), round(ends * 1e6)

    def _run(self, script: str, *arguments: str | float) -> Any:
        """Run a script that begins with the time."""
        return self._store.run(script, self._now_us(), *arguments)

    def _now_us(self) -> int | str:
        """Give the time that a script is to take; the server's clock where it is empty."""
        return "" if self._clock is None else round(self._clock() * 1e6)

    def _ask(
        self,
        lane: Lane,
        *,
        look_only: bool = False,
        missed: Slot | None = None,
        lead_s: float = 0.0,
        asker: Asker = NO_JOB,
    ) -> Slot | Refusal:
        asked_at = time.monotonic()
        begun = self._store.begin(
            "acquire",
            self._now_us(),
            lane,
            *self.limits.as_arguments(),
            round(HORIZON_S * 1e6),
            "1" if look_only else "0",
            *self.day_us(),
            "" if missed is None else missed.at_us,
            round(lead_s * 1e6),
            *asker,
        )
        answer, answered_at = begun.answer(), time.monotonic()
        if answer[0] == "lost":
            raise LeaseLost.to_another(asker[0])
        wait_s = int(answer[1]) / 1e6
        if answer[0] != "granted":
            return Refusal(wait_s, answer[2])
        is_probe, failures, at_us, notice = answer[2:]
        at, clock = int(at_us) / 1e6, self._server_clock
        clock.note(at - wait_s, sent_at=begun.sent_at or asked_at, answered_at=answered_at)
        self._know_clock()
        return Slot(
            leaves_at=clock.here(at),
            at_us=int(at_us),
            lane=lane,
            notice=int(notice),
            is_probe=is_probe == "1",
            failures=int(failures),
            doubt_s=clock.doubt_s,
        )

    def _know_clock(self) -> None:
        """Ask for the time alone where the answer with a slot was too long in coming to tell it well."""
        for _ in range(CLOCK_READINGS_MAX):
            if self._server_clock.doubt_s <= SURE_S or self._clock:
                return
            asked_at, begun = time.monotonic(), self._store.begin("clock")
            read = int(begun.answer()) / 1e6
            self._server_clock.note(read, sent_at=begun.sent_at or asked_at, answered_at=time.monotonic())

    def _close(self, reason: str, detail: str, wait_s: float = 0.0) -> None:
        self._run(
            "close",
            reason,
            detail,
            round(wait_s * 1e6),
            *self.limits.as_arguments(),
            round(SHORT_RETRY_AFTER_S * 1e6),
            round(LONG_RETRY_AFTER_S * 1e6),
        )


def _asker(held: Held | None, *, is_noted: bool) -> Asker:
    if held is None:
        return NO_JOB
    noted = "create" if held.step is Step.CREATE_CALL else "upload"
    return held.job_id, held.lease_token, held.run, "" if is_noted else noted
