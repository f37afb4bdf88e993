"""What became of a manifest's rows when they were handed in, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from pipeline.cli.backfill.rejected import RejectedRows
from pipeline.cli.preflight.before import ROWS_TOLD_MAX, Before
from pipeline.manifest import RejectedRow
from pipeline.producer import Handed


@dataclass(slots=True)
class Tally:
    """Counts rows, and tells those that are rejected.

    Attributes:
        batch: The batch that they are handed in under.
        rejected_rows: Takes every rejected row.
        before: What was found before they were handed in, and told.
        is_whole: All rows of the manifest were taken.
        elsewhere: Ids of jobs that an earlier batch has already.
    """

    manifest: Path
    batch: str
    console: Console
    rejected_rows: RejectedRows
    before: Before = field(default_factory=Before)
    total: int = 0
    submitted: int = 0
    updated: int = 0
    known: int = 0
    rejected: int = 0
    is_whole: bool = False
    elsewhere: list[str] = field(default_factory=list)
    _told: int = 0
    _untold: int = 0

    def take(self, handed: Handed | RejectedRow) -> None:
        """Count a row."""
        self.total += 1
        if isinstance(handed, RejectedRow):
            self.rejected += 1
            self.rejected_rows.add(handed)
            self._tell(handed)
        elif handed.receipt.result == "new":
            self.submitted += 1
        elif handed.receipt.result == "updated":
            self.updated += 1
        else:
            self.known += 1
            if handed.receipt.batch != self.batch:
                self.elsewhere.append(handed.receipt.job_id)

    def finish(self) -> None:
        """Note that these were all rows, and say how many rejected ones were not told."""
        self.is_whole = True
        if self._untold:
            rows = "1 more row is" if self._untold == 1 else f"{self._untold:,} more rows are"
            say(self.console, f"… and {rows} rejected.", style="red")

    def _tell(self, row: RejectedRow) -> None:
        if row.here in self.before.rejected:
            return
        if self._told == ROWS_TOLD_MAX:
            self._untold += 1
            return
        self._told += 1
        say(self.console, f"{self.manifest}:{row.here}: {row.reason}", style="red")


def say(console: Console, sentence: str, *, style: str = "") -> None:
    """Write a sentence as it is: it may have brackets, and is broken by the terminal alone."""
    console.print(sentence, style=style, markup=False, highlight=False, soft_wrap=True)
