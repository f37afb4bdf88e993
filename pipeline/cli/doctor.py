"""`gong-ingest doctor`: looks for what is set up wrong, and says what to do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipeline.cli import ExitCode
from pipeline.errors import LedgerUnreachable, SettingsInvalid

if TYPE_CHECKING:
    from pipeline.doctor import Finding
    from pipeline.settings import Settings

ANSWER_WITHIN_S = 5.0
EPILOG = """\b
Exit codes:
  0  no problem; there may be warnings
  8  at least one problem
"""


@click.command(epilog=EPILOG)
@click.option("--no-request", is_flag=True, help="Do not ask the API: send it nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def doctor(no_request: bool, as_json: bool) -> int:
    """Look for what is set up wrong: settings, ledger's server, API, this machine, workers.

    Nothing is changed. The API is asked one thing, the first page of users, which counts for the day as any
    request; --no-request leaves that out.

    \b
    Example:
      gong-ingest doctor
      gong-ingest doctor --no-request --json | jq '.findings[] | select(.level == "problem")'
    """
    found = _look(asks_api=not no_request)
    counts = Counter(str(finding.level) for finding in found)
    if as_json:
        click.echo(json.dumps({"counts": counts, "findings": [asdict(finding) for finding in found]}))
    else:
        _print(found)
    return ExitCode.PROBLEM_FOUND if counts["problem"] else ExitCode.DONE


def _look(*, asks_api: bool) -> list[Finding]:
    from pipeline.doctor import Patient, examine
    from pipeline.doctor.finding import problem
    from pipeline.settings import Settings
    from pipeline.store import Store

    try:
        settings = Settings.from_env()
        profile = _profile()
    except SettingsInvalid as error:
        # What is wrong with the settings is wrong with everything else.
        return [problem("settings", str(error), "Correct them, and run this again.")]
    try:
        with _server(settings) as reached:
            store = Store.from_settings(reached, retries=0, answer_within_s=ANSWER_WITHIN_S)
            patient = Patient.of(
                reached, store, profile=profile, is_embedded=not settings.redis_url, asks_api=asks_api
            )
            return examine(patient)
    except (SettingsInvalid, LedgerUnreachable) as error:
        return [problem("server", str(error), "Correct it, and run this again.")]


@contextmanager
def _server(settings: Settings) -> Iterator[Settings]:
    from pipeline.embedded import with_server

    with with_server(settings) as reached:
        yield reached


def _profile() -> str:
    """Say where the settings come from."""
    from pipeline.settings import Settings

    layers = Settings.layers()
    if layers.profile:
        return f"Profile {layers.profile.name} of {layers.profile.path}, and the environment"
    return "The environment alone; no profile is in use"


def _print(found: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pipeline.printable import printable

    console = Console(highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    styles = {"ok": "green", "warning": "yellow", "problem": "bold red"}
    for finding in found:
        told = Text(printable(finding.seen))
        if finding.advice:
            told.append(f"\n→ {printable(finding.advice)}", style="cyan")
        table.add_row(Text(finding.level, style=styles[finding.level]), finding.check, told)
    console.print(table)
    counts = Counter(str(finding.level) for finding in found)
    console.print(f"\n{_count(counts['problem'], 'problem')}, {_count(counts['warning'], 'warning')}.")


def _count(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
