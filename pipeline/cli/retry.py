"""`gong-ingest retry`: bring dead letters back."""

from __future__ import annotations

import json

import click

from pipeline.cli import ExitCode
from pipeline.cli.session import session
from pipeline.errors import SettingsInvalid
from pipeline.job import job_id_of
from pipeline.settings import Settings


@click.command()
@click.argument("batch", required=False)
@click.option("--reason", default="", help="Only those that died of this code, such as media_missing.")
@click.option(
    "--id", "ids", multiple=True, help="Only the recording with this clientUniqueId; may be given again."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def retry(batch: str | None, reason: str, ids: tuple[str, ...], as_json: bool) -> int:
    """Bring the dead letters of BATCH back, each at the step where it stood, its attempts forgiven.

    \b
    Example, after the missing files were brought:
      gong-ingest retry calls --reason media_missing
    """
    if not batch and not ids:
        raise SettingsInvalid("Name a batch, or recordings with --id.")
    with session(Settings.from_env()) as opened:
        if batch and not opened.ledger.counts(batch).created_at:
            raise SettingsInvalid(f"There is no batch {batch!r}.")
        job_ids = [job_id_of(each) for each in ids]
        count = opened.ledger.retry(batch or "", code=reason, job_ids=job_ids)
    if as_json:
        click.echo(json.dumps({"retried": count}))
    click.echo(f"{count:,} dead letters are pending again; workers take them up.", err=True)
    return ExitCode.DONE
