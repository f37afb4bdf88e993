"""What `gong-ingest check` does: runs the preflight, asks the ledger, and shows what came of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console

from pipeline.cli import ExitCode
from pipeline.cli.preflight.groups import Groups
from pipeline.cli.preflight.outlook import Outlook, outlook
from pipeline.cli.preflight.output import (
    Report,
    Write,
    print_problems,
    print_report,
    print_users,
    problem_file,
    problem_of_user,
    summary,
)
from pipeline.cli.preflight.progress import Show, progress
from pipeline.cli.preflight.users import Users, look_at_users
from pipeline.cli.roots import access_for, links_for, refuse_what_is_no_folder, settings_for
from pipeline.cli.session import Session, session
from pipeline.errors import WorkersFailed
from pipeline.manifest import Reading
from pipeline.preflight import Check, Corrected, Finding, Totals, check_manifest
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say, and what `backfill` knows of the manifest (`corrected`)."""

    manifest: Path
    reading: Reading
    media_root: str | None = None
    looks_at_media: bool = True
    looks_at_users: bool = True
    processes: int | None = None
    problems: Path | None = None
    as_json: bool = False
    links: bool = False
    corrected: Corrected | None = None


@dataclass(frozen=True, slots=True)
class _Shown:
    """Where what is found goes."""

    groups: Groups
    writes: Sequence[Write]
    show: Show

    def take(self, findings: Sequence[Finding], totals: Totals, bytes_read: int) -> None:
        """Take the findings of some rows."""
        self.groups.add(findings)
        for write in self.writes:
            write(findings)
        self.show(totals.rows, totals.rejected, bytes_read)


def run_check(wanted: Wanted) -> int:
    """Check a manifest and show what came of it; gives the exit code.

    Raises:
        ManifestUnreadable, SettingsInvalid, LedgerUnreachable, WorkersFailed: It cannot be checked.
    """
    try:
        return _run(wanted)
    except BrokenPipeError:
        raise  # whoever reads has read enough
    except OSError as error:
        raise WorkersFailed(f"The check could not go on: {error}.") from error


def _run(wanted: Wanted) -> int:
    settings = settings_for(wanted.manifest, wanted.media_root)
    if wanted.looks_at_media:
        refuse_what_is_no_folder(settings, wanted.manifest)
    with ExitStack() as stack:
        ledger = stack.enter_context(_ledger(settings))
        writes = [stack.enter_context(problem_file(wanted.problems, wanted.manifest))]
        if wanted.as_json:
            writes.append(print_problems)
        outcome = check_and_show(wanted, settings, ledger, writes)
        writes[0](map(problem_of_user, outcome.users.refused))
    if wanted.as_json:
        print_users(outcome.users)
        click.echo(json.dumps(summary(wanted.manifest, *outcome)))
    else:
        report = Report(Console(highlight=False))
        print_report(report, wanted.manifest, *outcome)
        _say_what_was_left_out(report, wanted, settings.media_roots)
    return ExitCode.SOME_FAILED if outcome.totals.rejected else ExitCode.DONE


class Outcome(NamedTuple):
    """What came of a check."""

    totals: Totals
    groups: Groups
    users: Users
    outlook: Outlook


def check_and_show(
    wanted: Wanted,
    settings: Settings,
    ledger: Session | None,
    writes: Sequence[Write],
) -> Outcome:
    """Check a manifest, and show how far it is meanwhile.

    Raises:
        ManifestUnreadable, LedgerUnreachable, WorkersFailed: It cannot be checked.
        OSError: There is no place for temporary files, or for what is written.
    """
    groups = Groups()
    check = Check(
        wanted.manifest,
        wanted.reading,
        access_for(settings) if wanted.looks_at_media else None,
        wanted.processes or _cores(),
        ledger.ledger.states if ledger else None,
        wanted.corrected,
        links=wanted.links,
        can_link=links_for(settings),
    )
    console = Console(stderr=True)
    with progress(console, wanted.reading.content or wanted.manifest) as show:
        totals = check_manifest(check, _Shown(groups, writes, show))
    users = look_at_users(totals.named, settings, ledger, console, wanted=wanted.looks_at_users)
    return Outcome(totals, groups, users, outlook(totals, settings, ledger))


def _say_what_was_left_out(report: Report, wanted: Wanted, roots: Sequence[Path | str]) -> None:
    if not wanted.looks_at_media:
        report.say("The media was not looked at.", style="yellow")
    elif not roots:
        report.say(
            "The media was not looked at: no media root is set; name one with --media-root.", style="yellow"
        )
    if wanted.problems:
        report.say(f"Every problem stands in {wanted.problems}.")


@contextmanager
def _ledger(settings: Settings) -> Iterator[Session | None]:
    """Use the ledger where there is one: a server that is configured, or what backfill has begun here."""
    if not settings.redis_url and not (settings.data_dir / "server" / "appendonlydir").is_dir():
        yield None
        return
    with session(settings) as opened:
        yield opened


def _cores() -> int:
    """Count the cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
