"""What is written of a preflight: the report for a person, JSON lines and the file of all problems.

The fields of the JSON lines and of the file are a contract.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from pipeline.cli.batches import recordings
from pipeline.cli.preflight.groups import Group, Groups
from pipeline.cli.preflight.outlook import Outlook
from pipeline.cli.preflight.users import Users
from pipeline.documents import iso
from pipeline.errors import SettingsInvalid
from pipeline.manifest.opening import name_of
from pipeline.people import Surveyed
from pipeline.preflight import USERS_COUNTED, Finding, Totals
from pipeline.printable import printable

Write = Callable[[Iterable[Finding]], None]
COLUMNS = ("line", "first_line", "severity", "code", "client_unique_id", "field", "message")
# Groups that are shown with their examples; of those after them only how many there are.
GROUPS_SHOWN = 20
USERS_SHOWN = 20


def problem(finding: Finding) -> dict[str, Any]:
    """Give a problem as it is written for a program."""
    return {
        "line": finding.line or None,
        "first_line": finding.first_line,
        "severity": "warning" if finding.is_warning else "error",
        "code": finding.code,
        "client_unique_id": finding.client_unique_id,
        "field": finding.field,
        "message": finding.message,
    }


def problem_of_user(user: Surveyed) -> Finding:
    """Give a user who cannot have recordings as a problem of the manifest as a whole, which has no line."""
    return Finding(0, None, user.standing, "", f"{_sentence_of(user)} ({recordings(user.recordings)})")


def summary(manifest: Path, totals: Totals, groups: Groups, users: Users, outlook: Outlook) -> dict[str, Any]:
    """Give what a whole manifest comes to, as it is written for a program."""
    allowance = outlook.allowance
    return {
        "type": "summary",
        "manifest": str(manifest),
        "rows": totals.rows,
        "rejected": totals.rejected,
        "repeated": totals.repeated,
        "known": totals.known,
        "left_out": totals.left_out,
        "problems": groups.counts(),
        "users": {
            "looked_at": users.looked_at,
            "obstacle": users.obstacle or None,
            "named": users.named,
            "standings": users.standings(),
            "rows_beyond": users.rows_beyond,
        },
        "recordings": outlook.recordings,
        "requests": outlook.requests,
        "requests_queued": sum(outlook.queued),
        "requests_today": allowance.used,
        "requests_per_second": outlook.requests_per_second,
        "requests_per_day": allowance.requests_per_day,
        "done_at": None if outlook.gate else iso(outlook.done_at),
        "done_at_with_links": None if outlook.gate else iso(outlook.done_at_with_links),
    }


def print_problems(findings: Iterable[Finding]) -> None:
    """Write problems as JSON lines."""
    for finding in findings:
        click.echo(json.dumps({"type": "problem"} | problem(finding)))


def print_users(users: Users) -> None:
    """Write the users who cannot have recordings as JSON lines, with the fields of problems too."""
    for each in users.refused:
        own = {"user": each.user, "standing": each.standing, "recordings": each.recordings}
        click.echo(json.dumps({"type": "user"} | problem(problem_of_user(each)) | own))


@contextmanager
def problem_file(path: Path | None, manifest: Path) -> Iterator[Write]:
    """Open the file of all problems, and give what writes into it; into nothing where none is wanted.

    Raises:
        SettingsInvalid: It cannot be written, or is the manifest itself.
    """
    if path is None:
        yield lambda _findings: None
        return
    if path.exists() and manifest.exists() and path.samefile(manifest):
        raise SettingsInvalid(f"{path} is the manifest itself; name another file for its problems.")
    try:
        file = path.open("w", encoding="utf-8", newline="", errors="backslashreplace")
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be written: {error.strerror}.") from error
    with file:
        yield _csv(file) if path.suffix.lower() == ".csv" else _jsonl(file)


def _csv(file: IO[str]) -> Write:
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    return lambda findings: writer.writerows(map(problem, findings))


def _jsonl(file: IO[str]) -> Write:
    return lambda findings: file.writelines(f"{json.dumps(problem(each))}\n" for each in findings)


class Report:
    """The report for a person: wrapped on a terminal, a line for each sentence into a file or a pipe."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, sentence: str, *, style: str = "", indent: int = 0) -> None:
        """Write a sentence."""
        text = Text(sentence, style)
        if self._console.is_terminal:
            # What does not fit goes on below its own beginning.
            self._console.print(Padding(text, (0, 0, 0, indent)))
        else:
            self._console.print(Text(" " * indent) + text, soft_wrap=True)

    def groups(self, title: str, groups: list[Group], *, style: str) -> None:
        """Write groups of problems with their examples."""
        if not groups:
            return
        self.say(title, style=f"bold {style}")
        for group in groups[:GROUPS_SHOWN]:
            self.say(f"{group.count:,}  {group.title}", style=style, indent=2)
            for example in group.examples:
                own_id = f" {example.client_unique_id}" if example.client_unique_id else ""
                self.say(f"line {example.line}{own_id}: {example.sentence}", indent=6)
            if group.count > len(group.examples):
                self.say(f"… and {group.count - len(group.examples):,} more", indent=6)
        if len(groups) > GROUPS_SHOWN:
            rest = groups[GROUPS_SHOWN:]
            self.say(
                f"{sum(group.count for group in rest):,}  of {len(rest)} other kinds", indent=2, style=style
            )
        self.say("")

    def users(self, users: Users) -> None:
        """Write who cannot have recordings, or why nobody knows."""
        if users.refused:
            self.say("Gong will not take recordings of these users, as it has them now:", style="bold yellow")
            for each in users.refused[:USERS_SHOWN]:
                self.say(f"{recordings(each.recordings)}  {_sentence_of(each)}", style="yellow", indent=2)
            if more := len(users.refused[USERS_SHOWN:]):
                self.say(
                    f"… and of {more:,} more {'user' if more == 1 else 'users'}", style="yellow", indent=2
                )
            self.say("")
        if users.looked_at and users.rows_beyond:
            rows = "1 row names" if users.rows_beyond == 1 else f"{users.rows_beyond:,} rows name"
            self.say(
                f"No more than {USERS_COUNTED:,} users were looked at; {rows} others as well.", style="yellow"
            )
        if not users.looked_at:
            self.say(f"The users were not looked at. {printable(users.obstacle)}".rstrip(), style="yellow")


def _sentence_of(user: Surveyed) -> str:
    return printable(user.sentence)


def print_report(
    report: Report, manifest: Path, totals: Totals, groups: Groups, users: Users, outlook: Outlook
) -> None:
    """Say to a person what a manifest comes to."""
    report.groups("These rows would be rejected:", groups.errors(), style="red")
    report.groups("Worth knowing, though it keeps no row out:", groups.warnings(), style="yellow")
    report.users(users)
    print_totals(report, manifest, totals, outlook)


def print_totals(report: Report, manifest: Path, totals: Totals, outlook: Outlook) -> None:
    """Say what a manifest comes to as a whole, and when it will be done."""
    report.say(_count_sentence(manifest, totals), style="bold")
    for sentence in outlook.sentences():
        report.say(sentence)


def _count_sentence(manifest: Path, totals: Totals) -> str:
    rows = f"{totals.rows:,} row" if totals.rows == 1 else f"{totals.rows:,} rows"
    parts = [f"{totals.rejected:,} of them would be rejected"]
    for number, what in (
        (totals.repeated, "the same as an earlier one"),
        (totals.known, "in the ledger already"),
        (totals.left_out, "more left out by the map"),
    ):
        if number:
            parts.append(f"{number:,} {what}")
    return f"{name_of(manifest)}: {rows}, {', '.join(parts)}."
