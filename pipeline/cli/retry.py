"""`gong-ingest retry`: bring dead letters and cancelled recordings back."""

from __future__ import annotations

import json

import click

from pipeline.cli.batches import (
    batch_or_all,
    chosen,
    codes_of,
    command_on,
    recordings,
    say,
    who_goes_on,
)
from pipeline.cli.session import Session, session
from pipeline.errors import SettingsInvalid
from pipeline.job import job_id_of
from pipeline.settings import Settings


@click.command()
@batch_or_all
@click.option(
    "--reason",
    default="",
    help="Only those that died of this code, such as media_missing; cancelled: those that were cancelled.",
)
@click.option(
    "--id",
    "ids",
    multiple=True,
    help="Only the recording with this clientUniqueId or job id, dead or cancelled; may be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def retry(batch: str | None, every: bool, reason: str, ids: tuple[str, ...], as_json: bool) -> None:
    """Bring the dead letters of BATCH back, each at the step where it stood, its attempts forgiven.

    Recordings named with --id need no batch.

    \b
    Example, after the missing files were brought:
      gong-ingest retry calls --reason media_missing
    """
    with session(Settings.from_env()) as opened:
        # named recordings may be of any batch
        found = chosen(opened, batch, every=every or (bool(ids) and batch is None))
        job_ids = [_job_id(opened, each) for each in ids]
        count = opened.control.retry(batch, code=reason, job_ids=job_ids)
        codes = "" if count else codes_of(opened, found)
        workers = opened.ledger.fleet().workers
    if as_json:
        click.echo(json.dumps({"retried": count}))
    if count:
        say(f"Brought back {recordings(count)}; {who_goes_on(workers)}")
    elif ids:
        say("There is nothing to bring back: nothing that was named is dead of that reason or cancelled.")
    else:
        say(f"There is nothing to bring back. Dead letters have the reasons: {codes}.")
    for each in found:
        if count and each.paused_at and (batch or every):
            say(f"{each.batch} is paused; go on with: {command_on('resume', each.batch)}")


def _job_id(opened: Session, name: str) -> str:
    """Find a recording by its clientUniqueId, or else by its job's id."""
    candidates = [job_id_of(name), name]
    found = [
        job_id for job_id, state in zip(candidates, opened.ledger.states(candidates), strict=True) if state
    ]
    if not found:
        raise SettingsInvalid(f"There is no recording {name!r} in the ledger; nothing was brought back.")
    return found[0]
