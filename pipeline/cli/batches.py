"""Which batches a command is about, one by its name or all of them, and what is said of them."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from pipeline.cli.choices import as_typed
from pipeline.cli.session import Session
from pipeline.errors import SettingsInvalid
from pipeline.job import Counts

Command = Callable[..., Any]


def batch_or_all(command: Command) -> Command:
    """Add the argument `BATCH` and the option `--all`."""
    every = click.option("--all", "every", is_flag=True, help="Every batch.")
    return click.argument("batch", required=False)(every(command))


def chosen(opened: Session, batch: str | None, *, every: bool) -> list[Counts]:
    """Give the batch of that name, or all of them, the newest first.

    Raises:
        SettingsInvalid: There is none of that name, or it is not said which is meant.
    """
    if every is (batch is not None):
        raise SettingsInvalid("Name one batch, or mean all of them with --all.")
    return opened.ledger.batches() if batch is None else [known_batch(opened, batch)]


def known_batch(opened: Session, batch: str) -> Counts:
    """Count a batch that has to be there.

    Raises:
        SettingsInvalid: It is not; with the names of those that are.
    """
    counts = opened.ledger.counts(batch)
    if not counts.created_at:
        names = ", ".join(each.batch for each in opened.ledger.batches()) or "none"
        raise SettingsInvalid(f"There is no batch {batch!r}; there are: {names}.")
    return counts


def must_be_asked(command: str, *, yes: bool) -> None:
    """Refuse a command that cannot be taken back where nobody can be asked, and did not say yes beforehand.

    Raises:
        SettingsInvalid: There is no terminal.
    """
    if not yes and not sys.stdin.isatty():
        raise SettingsInvalid(
            f"{command} asks before it does anything, and there is no terminal: give --yes."
        )


def codes_of(opened: Session, found: Sequence[Counts]) -> str:
    """List the reasons of the dead letters of these batches."""
    codes = {reason.code for each in found for reason in opened.control.dead_reasons(each.batch)}
    return ", ".join(sorted(codes)) or "none"


def recordings(count: int) -> str:
    """Write how many recordings."""
    return "1 recording" if count == 1 else f"{count:,} recordings"


def who_goes_on(workers: int) -> str:
    """Say who brings in what waits again, of so many workers that are alive."""
    if workers:
        return "workers go on with what is due."
    return f"no worker is alive: run their backfill again, or {as_typed('worker')}."


def command_on(words: str, batch: str, *options: str) -> str:
    """Write a command about a batch as a shell takes it."""
    return as_typed(" ".join([words, shlex.quote(batch), *options]))


def echo_changes(found: Sequence[Counts], changed: Sequence[bool]) -> None:
    """Write what a pause or a resume changed, for programs."""
    batches = [
        {"batch": each.batch, "changed": is_changed, "pending": each.pending, "active": each.active}
        for each, is_changed in zip(found, changed, strict=True)
    ]
    click.echo(json.dumps({"batches": batches}))


def say(sentence: str) -> None:
    """Tell a person."""
    click.echo(sentence, err=True)
