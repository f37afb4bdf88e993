"""What whoever watches is told: batches, limits, the day, the gate and the fleet at one moment, and the end.

Invariants: nothing is changed. What is read are counters and the first or last of an ordered set, in three
round trips at most, four with `--json`: it costs the same with ten jobs waiting as with a million.
How it is shown is left to the commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from pipeline.events import Standing as WebhookStanding
from pipeline.forecast import Allowance, finish_instants, requests_left
from pipeline.history import Minute, minutes_of
from pipeline.job import Counts, DeadLetter
from pipeline.ledger import Fleet, Ledger, Member, UnderWay
from pipeline.ledger.control import dead_letter_of
from pipeline.limiter import PARTS, Day, Gate, InForce, Limiter, moments_s
from pipeline.store import Store
from pipeline.waits import Waits, waits_of

# Batches that are looked at more closely: the newest of those that are not finished.
MOST_LOOKED_AT = 100
HOUR_MINUTES = 60
# Jobs under way that are looked at: more than that are no picture of anything.
MOST_UNDER_WAY = 64


class Standing(StrEnum):
    """How a batch stands. The words are a contract (`status --json`)."""

    RUNNING = "running"  # at least one of its jobs is with a worker
    WAITING = "waiting"  # none is
    PAUSED = "paused"
    CANCELLED = "cancelled"  # what is active comes to its end
    FINISHED = "finished"


class Obstacle(StrEnum):
    """Why nobody knows when a batch is done."""

    PAUSED = "paused"
    GATE = "gate"  # closed, without a known end
    WORKERS = "workers"  # none is alive for one of the queues


@dataclass(frozen=True, slots=True)
class Finish:
    """When a batch is done, in seconds since the epoch; or why nobody knows."""

    at: float | None
    obstacle: Obstacle | None = None


@dataclass(frozen=True)
class Overview:
    """Everything at one moment, on the server's clock.

    Attributes:
        batches: All of them, the newest first.
        limits: Those in force.
        gate: None while it is open.
        waits: What those that are not finished wait for beside their turn, by name.
        uploads: Those under way that have told how far they are.
        last_hour: The requests of the last 60 minutes.
        letters: The last dead letters of those that were asked for, the newest first.
        reasons: How many of each batch died of each reason, if that was asked for.
        webhook: How its deliveries stand; None without one.
    """

    batches: tuple[Counts, ...]
    limits: InForce
    day: Day
    gate: Gate | None
    fleet: Fleet
    waits: Mapping[str, Waits] = field(default_factory=dict)
    uploads: tuple[UnderWay, ...] = ()
    last_hour: tuple[Minute, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    webhook: WebhookStanding | None = None

    @property
    def rate(self) -> float:
        """Give the requests a second of the last moments."""
        return self.day.rate(self.limits.pace)

    @cached_property
    def allowance(self) -> Allowance:
        """Give what the forecast is made from; a gate without a known end counts as open."""
        limits, opens_at = self.limits.limits, 0.0
        if self.gate and self.gate.mode == "timed":
            opens_at = self.gate.until
        return Allowance(
            now=self.day.now,
            pace=self.limits.pace,
            requests_per_day=limits.requests_per_day,
            budget=self.limits.requests_per_day,
            live_share=limits.live_share,
            day_window=limits.day_window,
            used=self.day.used,
            granted=self.day.granted,
            live=self.day.live,
            live_most=self.day.live_most,
            opens_at=opens_at,
        )

    @property
    def is_stopped(self) -> bool:
        """Tell whether the gate is closed and nobody knows until when."""
        return self.gate is not None and self.gate.mode != "timed"

    @property
    def queued(self) -> list[Counts]:
        """List the batches for which requests are sent, or would be."""
        return [each for each in self.batches if each.waiting and standing(each) is not Standing.PAUSED]

    def finish(self, counts: Counts) -> Finish:
        """Say when a batch that is not finished is done."""
        if standing(counts) is Standing.PAUSED:
            return Finish(None, Obstacle.PAUSED)
        if self.is_stopped:
            return Finish(None, Obstacle.GATE)
        if not (self.fleet.calls and self.fleet.media):
            return Finish(None, Obstacle.WORKERS)
        wait = self.waits.get(counts.batch, Waits())
        last_s = max(wait.due_s, wait.silent_s)
        return Finish(max(self._instants.get(counts.batch, self.day.now), self.day.now + last_s))

    @cached_property
    def _instants(self) -> dict[str, float]:
        queued = self.queued
        found = finish_instants([requests_left(each) for each in queued], self.allowance)
        return {each.batch: instant for each, instant in zip(queued, found, strict=True)}


def standing(counts: Counts) -> Standing:
    """Say how a batch stands."""
    if counts.cancelled_at:
        return Standing.CANCELLED
    if not counts.waiting:
        return Standing.FINISHED
    if counts.paused_at:
        return Standing.PAUSED
    return Standing.RUNNING if counts.active else Standing.WAITING


@dataclass(frozen=True, slots=True)
class Observer:
    """Looks at the ledger and the limiter of one server."""

    store: Store
    ledger: Ledger
    limiter: Limiter

    def look(
        self, *, batch: str | None = None, letters: int = 0, reasons: bool = False, whole: bool = True
    ) -> Overview:
        """See everything at one moment.

        Args:
            batch: Whose dead letters are wanted; None for all batches that are not finished.
            letters: How many of them at most.
            reasons: Count the dead letters of every batch by reason.
            whole: See uploads, requests of the last hour and deliveries too; who only hands in may not.

        Raises:
            LedgerUnreachable, LedgerRefused: The server cannot be used.
        """
        limits = self.limiter.limits
        batches, in_force, gate, day, fleet, *others = self.store.run_together(
            ("counts", ()),
            ("limits", ("", *limits.as_arguments())),
            ("gate", ("",)),
            ("day", ("", *self.limiter.day_us(), PARTS, round(moments_s(limits.requests_per_second) * 1e6))),
            ("members", ("",)),
            *(
                [("under_way", ("", MOST_UNDER_WAY)), ("traffic", ("", 1)), ("deliveries", ("",))]
                if whole
                else []
            ),
        )
        under_way, traffic, deliveries = others or ((), (), ())
        jobs = (UnderWay.from_values(*values) for values in under_way)
        counts = tuple(Counts.from_answer(*answer) for answer in batches)
        unfinished = [each for each in counts if each.waiting][:MOST_LOOKED_AT]
        asked = [each for each in counts if each.batch == batch] if batch else unfinished
        return Overview(
            batches=counts,
            limits=InForce.from_answer(limits.day_window, *in_force),
            gate=Gate.from_answer(*gate),
            day=Day.from_answer(*day),
            fleet=Fleet.of(Member.from_answer(*values) for values in fleet),
            uploads=tuple(job for job in jobs if job.sent_bytes is not None),
            last_hour=minutes_of(traffic, HOUR_MINUTES) if traffic else (),
            waits=_waits(unfinished, self.store, self.ledger),
            letters=_letters(asked, self.store, letters),
            reasons=_reasons(counts, self.store) if reasons else {},
            webhook=WebhookStanding.from_answer(*deliveries) if deliveries else None,
        )


def _waits(unfinished: Sequence[Counts], store: Store, ledger: Ledger) -> dict[str, Waits]:
    names = [each.batch for each in unfinished]
    if not names:
        return {}
    return dict(zip(names, waits_of(names, store, lease_ttl_s=ledger.lease_ttl_s), strict=True))


def _letters(asked: Iterable[Counts], store: Store, most: int) -> tuple[DeadLetter, ...]:
    names = [each.batch for each in asked if each.dead]
    if not names or not most:
        return ()
    found = store.run_together(*(("dead_letters", (name, "", most)) for name in names))
    letters = (dead_letter_of(*values) for answer in found for values in answer)
    return tuple(sorted(letters, key=lambda letter: letter.died_at, reverse=True)[:most])


def _reasons(counts: Iterable[Counts], store: Store) -> dict[str, dict[str, int]]:
    names = [each.batch for each in counts if each.dead]
    found = store.run_together(*(("dead_reasons", (name,)) for name in names)) if names else []
    reasons: dict[str, dict[str, int]] = {}
    for name, groups in zip(names, found, strict=True):
        totals = reasons.setdefault(name, {})
        for code, _step, count, _letter in groups:
            totals[code] = totals.get(code, 0) + count
    return reasons
