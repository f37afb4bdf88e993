"""When a manifest would be done, in sentences.

Batches that were handed in before have their turns as well; at the limits in force, or at those of the
settings where there is no ledger.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.cli.sentences import when
from pipeline.cli.session import Session
from pipeline.forecast import Allowance, finish_instants, requests_left
from pipeline.preflight import Totals
from pipeline.printable import printable
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Outlook:
    """When so many recordings are done.

    Attributes:
        uploads, links: New recordings whose media is uploaded, and whose media Gong pulls.
        linkable: Those of the uploads whose media Gong could pull, were it asked to.
        queued: Requests of each batch that was handed in before.
        gate: Why nothing is sent until somebody does something; empty while that is not so.
    """

    uploads: int
    links: int
    requests_per_second: float
    allowance: Allowance
    queued: tuple[int, ...] = ()
    gate: str = ""
    linkable: int = 0

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
        """Say when they would be done if Gong pulled all the media that it can."""
        return self._done_at(self.requests - self.linkable)

    def _done_at(self, requests: int) -> float:
        """Say when these are done, or, where there are none, what was handed in before."""
        if not requests:
            return max(finish_instants(self.queued, self.allowance), default=self.allowance.now)
        return finish_instants([requests, *self.queued], self.allowance)[0]

    def sentences(self) -> Iterator[str]:
        """Say it to a person."""
        if not self.recordings:
            yield "No recording is new." if self.queued else "No recording is new, so no request is needed."
        else:
            yield f"{_count(self.recordings, 'new recording')}, {_count(self.requests, 'request')}."
        if self.queued:
            how = " take turns with them" if self.recordings else " are still to be sent"
            yield f"{_count(sum(self.queued), 'request')} of recordings handed in before{how}."
        if not self.recordings and not self.queued:
            return
        if self.gate:
            yield f"Nothing is sent at the moment: {self.gate}"
            return
        now, per_day = self.allowance.now, self.allowance.requests_per_day
        done, with_links = (when(at, now) for at in (self.done_at, self.done_at_with_links))
        which = "" if self.linkable == self.uploads else f" for {self.linkable:,} of them"
        instead = f"; with links instead of uploads{which} {with_links}" if with_links != done else ""
        limits = f"At {per_day:,} requests a day and {self.requests_per_second:g} a second"
        yield f"{limits} they are done {done}{instead}."


def outlook(totals: Totals, settings: Settings, opened: Session | None) -> Outlook:
    """Say when a manifest would be done, beside what the ledger has already."""
    if opened is None:
        per_second = settings.requests_per_second
        return Outlook(
            totals.uploads, totals.links, per_second, _allowance_of(settings), linkable=totals.linkable
        )
    seen = opened.observer.look(whole=False)
    return Outlook(
        totals.uploads,
        totals.links,
        seen.limits.limits.requests_per_second,
        seen.allowance,
        queued=tuple(requests_left(counts) for counts in seen.queued),
        gate=printable(seen.gate.sentence) if seen.gate and seen.is_stopped else "",
        linkable=totals.linkable,
    )


def _allowance_of(settings: Settings) -> Allowance:
    return Allowance(
        now=time.time(),
        pace=settings.requests_per_second * (1 - settings.rate_margin),
        requests_per_day=settings.requests_per_day,
        budget=settings.requests_per_day,
        live_share=settings.live_share,
        day_window=settings.day_window,
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
