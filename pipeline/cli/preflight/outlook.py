"""When a manifest would be done, in sentences.

The requests that the ledger has to send before count as well; at the limits in force, or at those of the
settings where there is no ledger.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pipeline.cli.session import Session
from pipeline.cli.status import gate_sentence
from pipeline.cli.watch import requests_left
from pipeline.forecast import finish_in_s
from pipeline.preflight import Totals
from pipeline.settings import Settings

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of how fast requests may leave.

    Attributes:
        pace: Requests a second that are granted.
        used_today: Requests of the last 24 hours.
        queued: Requests of recordings that were handed in before.
        closed_s: How long the gate stays closed.
        gate: Why nothing is sent until somebody does something; empty while that is not so.
    """

    requests_per_second: float
    requests_per_day: int
    pace: float
    used_today: int = 0
    queued: int = 0
    closed_s: float = 0.0
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """When so many recordings are done.

    Attributes:
        uploads, links: New recordings whose media is uploaded, and whose media Gong pulls.
        now: Seconds since the epoch.
    """

    uploads: int
    links: int
    pace: Pace
    now: float

    @property
    def recordings(self) -> int:
        """Count the new recordings."""
        return self.uploads + self.links

    @property
    def requests(self) -> int:
        """Count the requests of the new recordings: two for an upload, one for a link (API.md)."""
        return 2 * self.uploads + self.links

    @property
    def done_at(self) -> float:
        """Say when they are done, in seconds since the epoch."""
        return self._done_at(self.requests)

    @property
    def done_at_with_links(self) -> float:
        """Say when they would be done if Gong pulled the media of all of them."""
        return self._done_at(self.recordings)

    def _done_at(self, requests: int) -> float:
        return self.now + finish_in_s(
            requests + self.pace.queued,
            pace=self.pace.pace,
            requests_per_day=self.pace.requests_per_day,
            used_today=self.pace.used_today,
            closed_s=self.pace.closed_s,
        )

    def sentences(self) -> Iterator[str]:
        """Say it to a person."""
        if not self.recordings:
            yield "No recording is new, so no request is needed."
            return
        pace = self.pace
        yield f"{_count(self.recordings, 'new recording')}, {_count(self.requests, 'request')}."
        if pace.queued:
            yield f"{_count(pace.queued, 'request')} of recordings handed in before go first."
        if pace.gate:
            yield f"Nothing is sent at the moment: {pace.gate}"
            return
        done, with_links = (when(at, self.now) for at in (self.done_at, self.done_at_with_links))
        instead = f"; with links instead of uploads {with_links}" if with_links != done else ""
        limits = f"At {pace.requests_per_day:,} requests a day and {pace.requests_per_second:g} a second"
        yield f"{limits} they are done {done}{instead}."


def outlook(totals: Totals, settings: Settings, opened: Session | None) -> Outlook:
    """Say when a manifest would be done, after what the ledger has already."""
    pace = _pace_of_ledger(opened) if opened else _pace_of_settings(settings)
    return Outlook(totals.uploads, totals.links, pace, time.time())


def _pace_of_settings(settings: Settings) -> Pace:
    per_second = settings.requests_per_second
    return Pace(per_second, settings.requests_per_day, per_second * (1 - settings.rate_margin))


def _pace_of_ledger(opened: Session) -> Pace:
    limiter = opened.limiter
    now, gate = limiter.in_force(), limiter.gate()
    is_timed = gate is not None and gate.mode == "timed"
    return Pace(
        now.limits.requests_per_second,
        now.requests_per_day,
        now.pace,
        used_today=limiter.use().today,
        queued=sum(requests_left(counts) for counts in opened.ledger.batches()),
        closed_s=max(0.0, gate.until - limiter.clock()) if gate and is_timed else 0.0,
        gate=gate_sentence(gate) if gate and not is_timed else "",
    )


def when(instant: float, now: float) -> str:
    """Say when an instant is, in the words and the time zone of a person here; in seconds since the epoch."""
    if instant - now < MINUTE_S:
        return "in less than a minute"
    then, today = (datetime.fromtimestamp(each).astimezone() for each in (instant, now))
    if then.date() == today.date():
        return f"today about {then:%H:%M}"
    year = f" {then.year}" if then.year != today.year else ""
    return f"on {then:%A} {then.day} {then:%B}{year} about {then:%H:%M}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
