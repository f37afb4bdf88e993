"""The page of all batches: what a person who runs a backfill looks at first."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.cli.sentences import finish_sentence
from pipeline.history import Throughput
from pipeline.job import Counts
from pipeline.limiter import Gate
from pipeline.overview import Overview, Standing, standing
from pipeline.waits import Waits
from workers.flower.bar import Bar, bar_of
from workers.flower.page import Page
from workers.flower.window import Seen

# Rows of a page.
ROWS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """A batch as a row.

    Attributes:
        finish_at: When it is done, in seconds since the epoch; None where `outlook` says why nobody knows.
        outlook: Empty when it is finished.
        an_hour: Recordings that came to an end, as many an hour as lately; None where no worker is at it.
        waits: What it waits for beside its turn.
    """

    counts: Counts
    standing: Standing
    bar: Bar
    finish_at: float | None
    outlook: str
    an_hour: float | None
    waits: Waits

    @property
    def may_pause(self) -> bool:
        """Tell whether there is something to pause."""
        return self.standing in {Standing.RUNNING, Standing.WAITING}

    @property
    def may_resume(self) -> bool:
        """Tell whether it is paused."""
        return bool(self.counts.paused_at)

    @property
    def to_cancel(self) -> int:
        """Count what a cancel takes back at once."""
        return self.counts.pending + self.counts.dead


@dataclass(frozen=True, slots=True)
class BatchesView:
    """What is shown.

    Attributes:
        total: All batches as one.
        first: How many batches are newer than the first row.
        count: How many batches there are.
    """

    overview: Overview
    rows: tuple[Row, ...]
    total: Counts
    first: int
    count: int

    @property
    def gate(self) -> Gate | None:
        """Give the gate while it is closed."""
        return self.overview.gate


class BatchesPage(Page):
    """`/batches`."""

    template, active = "gong_ingest/batches.html", "batches"

    async def view(self, *_parts: str) -> BatchesView:
        """See all batches, so many from the one that was asked for."""
        seen = await self.window.look()
        first = self.given("first", "0")
        return batches_view(seen, int(first) if first.isdecimal() else 0)


def batches_view(seen: Seen, first: int) -> BatchesView:
    """Choose what is shown."""
    overview = seen.overview
    rows = tuple(row_of(counts, seen) for counts in overview.batches[first : first + ROWS])
    return BatchesView(overview, rows, total_of(overview), first, len(overview.batches))


def row_of(counts: Counts, seen: Seen) -> Row:
    """Tell of one batch."""
    overview, throughput = seen.overview, seen.throughput.get(counts.batch)
    finish = overview.finish(counts) if counts.waiting else None
    outlook = finish_sentence(finish, overview) if finish and finish.at is None else ""
    return Row(
        counts,
        standing(counts),
        bar_of(counts),
        finish.at if finish else None,
        outlook,
        an_hour(throughput, since=counts.first_request_at, now=overview.day.now) if throughput else None,
        overview.waits.get(counts.batch, Waits()),
    )


def an_hour(throughput: Throughput, *, since: float, now: float) -> float | None:
    """Say how many recordings an hour came to an end, over the last part of the time and the one under way.

    Args:
        throughput: Of the batch.
        since: When its first request left.
        now: The end of the part that is under way.
    """
    parts = throughput.parts[-2:]
    span_s = now - max(parts[0].at, since) if parts else 0.0
    return sum(part.done + part.dead for part in parts) / span_s * 3600 if span_s > 1 else None


def total_of(overview: Overview) -> Counts:
    """Add up all batches."""
    names = ("pending", "active", "done", "dead", "cancelled", "rejected")
    sums = {name: sum(getattr(each, name) for each in overview.batches) for name in names}
    return Counts("", **sums)
