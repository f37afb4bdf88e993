"""What is said at the end of a backfill, to people and to programs."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.cli.batches import command_on, recordings
from pipeline.cli.choices import as_typed
from pipeline.cli.session import Session
from pipeline.job import Counts, State
from pipeline.limiter import Use
from pipeline.printable import printable

DEAD_LETTERS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run went.

    Attributes:
        counts: The batch now.
        before: The batch when the run began.
        total: Rows of the manifest that were read.
        is_whole: These are all of them.
        submitted: Rows that became new jobs in this run.
        updated: Rows that changed a job of which the API had nothing yet.
        known: Rows that were jobs already.
        rejected: Rows that were refused.
        elsewhere: States of the known rows that belong to an earlier batch.
        use: Requests granted during the run.
        seconds: How long it took.
    """

    counts: Counts
    before: Counts
    total: int
    is_whole: bool
    submitted: int
    updated: int
    known: int
    rejected: int
    elsewhere: Sequence[State | None]
    use: Use
    seconds: float

    @property
    def done(self) -> int:
        """Count the recordings that are in."""
        return self.counts.done + Counter(self.elsewhere)[State.DONE]

    @property
    def dead(self) -> int:
        """Count the recordings that need a person."""
        return self.counts.dead + Counter(self.elsewhere)[State.DEAD]

    @property
    def cancelled(self) -> int:
        """Count the recordings that were taken back by a person."""
        return self.counts.cancelled + Counter(self.elsewhere)[State.CANCELLED]

    @property
    def waiting(self) -> int:
        """Count the recordings that are not in a final state."""
        found = Counter(self.elsewhere)
        return self.counts.waiting + found[State.PENDING] + found[State.ACTIVE]

    @property
    def has_others(self) -> bool:
        """Tell whether the batch has recordings that this manifest does not."""
        return self.counts.total > self.submitted + self.updated + self.known

    def document(self) -> dict[str, Any]:
        """Give what `--json` prints. The names are a contract.

        `total`, `submitted`, `updated`, `rejected` are rows of the manifest; `done`, `dead`, `cancelled`,
        `adopted` recordings of the batch; `requests`, `rate_limited`, `seconds` are of this run.
        """
        return {
            "batch": self.counts.batch,
            "total": self.total,
            "submitted": self.submitted,
            "updated": self.updated,
            "rejected": self.rejected,
            "done": self.done,
            "dead": self.dead,
            "cancelled": self.cancelled,
            "adopted": self.counts.adopted,
            "requests": self.counts.requests - self.before.requests,
            "rate_limited": self.counts.rate_limited - self.before.rate_limited,
            "seconds": round(self.seconds, 3),
        }

    def share_of_rate(self, requests_per_second: float) -> float | None:
        """Give the share of the allowed rate used between first and last request; None for too few."""
        if self.use.count < 2 or not self.use.span_s:
            return None
        return (self.use.count - 1) / self.use.span_s / requests_per_second


def print_summary(
    console: Console, summary: Summary, opened: Session, *, stopped: bool, waited: bool
) -> None:
    """Say to a person how it went."""
    _print_dead_letters(console, summary, opened, waited=waited)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    for name, text in _lines(summary, opened):
        table.add_row(name, text)
    console.print(table)
    if not waited:
        console.print(
            f"{_waits(summary.waiting)}; workers bring them in: {_worker_command(opened)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    elif stopped or summary.waiting:
        again = "Run the same command again to go on."
        console.print(f"{where_it_stopped(summary)} {again}", style="yellow", highlight=False, soft_wrap=True)


def where_it_stopped(summary: Summary) -> str:
    """Say how much is left; of rows that were not read nobody knows how many there are."""
    if summary.is_whole:
        return f"Stopped with {recordings(summary.waiting)} to go."
    if not summary.total:
        return "Stopped before a row was handed in."
    rows = "1 row" if summary.total == 1 else f"{summary.total:,} rows"
    return f"Stopped when {rows} had been handed in, with {recordings(summary.waiting)} of the batch to go."


def _waits(waiting: int) -> str:
    return f"{recordings(waiting)} {'waits' if waiting == 1 else 'wait'}"


def _worker_command(opened: Session) -> str:
    """Write the command that runs workers for what was handed in here; on one machine that has its roots."""
    roots = os.pathsep.join(map(str, opened.settings.media_roots))
    worker = as_typed("worker")
    is_said = opened.is_embedded or not roots
    return worker if is_said else f"GONG_INGEST_MEDIA_ROOTS={shlex.quote(roots)} {worker}"


def _lines(summary: Summary, opened: Session) -> list[tuple[str, str]]:
    counts, before = summary.counts, summary.before
    updated = f"{summary.updated:,} updated, " if summary.updated else ""
    rows = f"{summary.submitted:,} new, {updated}{summary.known:,} known, {summary.rejected:,} rejected"
    adopted = f", {counts.adopted:,} of them were there before" if counts.adopted else ""
    lines = [
        ("batch", counts.batch),
        ("rows", f"{summary.total:,}"),
        ("of these", rows),
        *([("in all", f"{recordings(counts.total)} in the batch")] if summary.has_others else []),
        ("created", f"{counts.created:,}{adopted}"),
        ("uploaded", f"{counts.uploaded:,}"),
        ("done", f"{summary.done:,}"),
        ("dead", f"{summary.dead:,}"),
        *([("cancelled", f"{summary.cancelled:,}")] if summary.cancelled else []),
        ("requests", f"{counts.requests - before.requests:,}"),
        ("429s", f"{counts.rate_limited - before.rate_limited:,}"),
        ("time", f"{summary.seconds:.1f} s"),
    ]
    rate = opened.limiter.in_force().limits.requests_per_second
    if (share := summary.share_of_rate(rate)) is not None:
        lines.append(("rate", f"{share:.1%} of the allowed {rate:g} requests/s"))
    return lines


def _print_dead_letters(console: Console, summary: Summary, opened: Session, *, waited: bool) -> None:
    # Who only hands in may not read them (`rights`).
    most = min(summary.counts.dead, DEAD_LETTERS_SHOWN) if waited else 0
    for letter in opened.control.dead_letters(summary.counts.batch, most=most) if most else ():
        request = f" (requestId {letter.request_id})" if letter.request_id else ""
        console.print(
            f"dead: {printable(f'{letter.client_unique_id}: {letter.code}: {letter.message}{request}')}",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if summary.counts.dead and not waited:
        why = command_on("dead", summary.counts.batch)
        console.print(f"see why they are dead with: {why}", markup=False, highlight=False, soft_wrap=True)
    if summary.counts.dead:
        hint = f"bring them back with: {command_on('retry', summary.counts.batch)}"
        console.print(hint, markup=False, highlight=False, soft_wrap=True)
    if summary.counts.cancelled:
        again = command_on("retry", summary.counts.batch, "--reason cancelled")
        console.print(
            f"bring cancelled ones back with: {again}", markup=False, highlight=False, soft_wrap=True
        )
    if most and summary.counts.dead > DEAD_LETTERS_SHOWN:
        console.print(f"… and {summary.counts.dead - DEAD_LETTERS_SHOWN:,} dead letters more", style="red")
