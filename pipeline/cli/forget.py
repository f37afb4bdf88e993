"""`gong-ingest forget`: a batch that is finished is not kept for ever."""

from __future__ import annotations

import json

import click

from pipeline.cli import ExitCode
from pipeline.cli.batches import known_batch, must_be_asked, say
from pipeline.cli.session import session
from pipeline.settings import Settings


@click.command()
@click.argument("batch")
@click.option("--rejected", is_flag=True, help="Rejected rows too, when no recording is left.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def forget(batch: str, rejected: bool, yes: bool, as_json: bool) -> int:
    """Remove what is done or cancelled in BATCH from the ledger; what waits, is dead or was rejected stays.

    Write a report first: nothing else tells afterwards which call a recording became. A recording that is
    handed in again costs a request, and is found to be in Gong already.

    \b
    Example:
      gong-ingest report calls --output calls.report.csv
      gong-ingest forget calls
    """
    from pipeline.ledger import Manifests

    must_be_asked("forget", yes=yes)
    with session(Settings.from_env()) as opened:
        counts = known_batch(opened, batch)
        finished = counts.done + counts.cancelled
        if not yes and not click.confirm(f"Forget {finished:,} finished recordings of {batch}?", err=True):
            say("Nothing was forgotten.")
            return ExitCode.STOPPED
        forgotten = Manifests(opened.store).forget(batch, rejected=rejected)
        counts = opened.ledger.counts(batch)
        left = counts.total + counts.rejected
    say(f"{forgotten:,} recordings of {batch} are forgotten, {left:,} rows are left.")
    if as_json:
        click.echo(json.dumps({"batch": batch, "forgotten": forgotten, "left": left}))
    return ExitCode.DONE
