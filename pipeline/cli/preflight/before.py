"""The preflight of a manifest that is about to be handed in.

Invariants: what is told of a row here is not told again when it is handed in, and a row that is right need
not be looked at again then. Nobody is asked anything: who wants to stop where a row is wrong says so before.

What would be rejected is what is rejected when it is handed in, and it is counted once, by the check.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from pipeline.cli.preflight.groups import Groups
from pipeline.cli.preflight.output import Report, print_totals
from pipeline.cli.preflight.run import Wanted, check_and_show
from pipeline.cli.session import Session
from pipeline.errors import Problem, WorkersFailed
from pipeline.manifest import Reading
from pipeline.preflight import CORRECTED, Corrected, Finding, LineSet, Totals

ROWS_TOLD_MAX = 100
"""Rejected rows that are told one by one; more are told in groups."""


@dataclass(slots=True)
class Before:
    """What was found before anything was handed in.

    Attributes:
        totals: What the manifest comes to.
        rejected: Lines of the rows that would be rejected.
        corrected: Lines of those that were corrected elsewhere, and stay the jobs that they are.
    """

    totals: Totals = field(default_factory=Totals)
    rejected: LineSet = field(default_factory=LineSet)
    corrected: LineSet = field(default_factory=LineSet)
    _told: dict[int, list[Finding]] = field(default_factory=dict)

    def is_right(self, line: int) -> bool:
        """Tell whether a row was looked at, and may be handed in."""
        return line <= self.totals.lines and line not in self.rejected and line not in self.corrected

    def take(self, findings: Iterable[Finding]) -> None:
        """Take what is found."""
        for finding in findings:
            if finding.code == CORRECTED:
                self.corrected.add(finding.line)
            if not finding.is_warning:
                self.rejected.add(finding.line)
                if len(self.rejected) <= ROWS_TOLD_MAX:
                    self._told.setdefault(finding.line, []).append(finding)

    def sentences(self) -> list[str]:
        """Say of each row what is wrong with it, in the order of the lines."""
        return [
            f"{line}: {'; '.join(str(Problem(each.field, each.message)) for each in found)}"
            for line, found in sorted(self._told.items())
        ]


def check_before(
    manifest: Path,
    reading: Reading,
    opened: Session,
    console: Console,
    *,
    links: bool,
    corrected: Corrected | None,
) -> Before:
    """Check a manifest, and say what is wrong with it and when it will be done.

    Raises:
        ManifestUnreadable, LedgerUnreachable, WorkersFailed: It cannot be checked.
    """
    settings, before = opened.settings, Before()
    wanted = Wanted(manifest, reading, links=links, corrected=corrected)
    try:
        outcome = check_and_show(wanted, settings, opened, [before.take])
    except OSError as error:
        raise WorkersFailed(
            f"The check could not go on: {error}. Run it again, with --no-check if need be."
        ) from error
    before.totals = outcome.totals
    _print(before, outcome.groups, Report(console), manifest)
    Report(console).users(outcome.users)
    print_totals(Report(console), manifest, outcome.totals, outcome.outlook)
    return before


def _print(before: Before, groups: Groups, report: Report, manifest: Path) -> None:
    """Say what is wrong: of a few rows each, of many in groups; and what is worth knowing."""
    if len(before.rejected) > ROWS_TOLD_MAX:
        report.groups("These rows are rejected:", groups.errors(), style="red")
    else:
        for sentence in before.sentences():
            report.say(f"{manifest}:{sentence}", style="red")
    report.groups("Worth knowing, though it keeps no row out:", groups.warnings(), style="yellow")
