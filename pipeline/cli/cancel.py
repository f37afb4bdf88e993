"""`gong-ingest cancel`: take a batch back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from pipeline.cli import ExitCode
from pipeline.cli.batches import batch_or_all, chosen, command_on, must_be_asked, recordings, say
from pipeline.cli.session import session
from pipeline.job import Counts
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.ledger import Cancelled


@click.command()
@batch_or_all
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def cancel(batch: str | None, every: bool, yes: bool, as_json: bool) -> int:
    """Cancel what waits or is dead of BATCH; what is under way is finished, and what is done stays.

    --all means every batch that has something to cancel. Rows handed in later are brought in. Cancelled
    recordings come back with: gong-ingest retry BATCH --reason cancelled

    \b
    Example:
      gong-ingest cancel calls --yes
    """
    must_be_asked("cancel", yes=yes)
    with session(Settings.from_env()) as opened:
        found = [each for each in chosen(opened, batch, every=every) if _to_cancel(each) or each.active]
        if found and not yes and not click.confirm(_question(found), err=True):
            say("Nothing was cancelled.")
            return ExitCode.STOPPED
        results = [(each, opened.control.cancel(each.batch)) for each in found]
    for each, cancelled in results:
        say(_sentence(each.batch, cancelled))
    if not found:
        say("There is nothing to cancel: no recordings wait or are dead.")
    if as_json:
        batches = [
            {"batch": each.batch, "cancelled": cancelled.jobs, "active": cancelled.active}
            for each, cancelled in results
        ]
        click.echo(json.dumps({"batches": batches}))
    return ExitCode.DONE


def _to_cancel(counts: Counts) -> int:
    return counts.pending + counts.dead


def _question(found: list[Counts]) -> str:
    names = ", ".join(each.batch for each in found)
    active = sum(each.active for each in found)
    under_way = f" {recordings(active)} under way are finished, or cancelled if they fail." if active else ""
    return f"Cancel {recordings(sum(map(_to_cancel, found)))} of {names}?{under_way}"


def _sentence(batch: str, cancelled: Cancelled) -> str:
    under_way = f"; {cancelled.active:,} under way are finished, or cancelled if they fail"
    return (
        f"Cancelled {recordings(cancelled.jobs)} of {batch}{under_way if cancelled.active else ''}. "
        f"Bring them back with: {command_on('retry', batch, '--reason cancelled')}"
    )
