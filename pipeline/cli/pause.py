"""`gong-ingest pause`: let nothing more of a batch begin."""

from __future__ import annotations

from datetime import datetime

import click

from pipeline.cli.batches import batch_or_all, chosen, command_on, echo_changes, recordings, say
from pipeline.cli.session import session
from pipeline.job import Counts
from pipeline.settings import Settings


@click.command()
@batch_or_all
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def pause(batch: str | None, every: bool, as_json: bool) -> None:
    """Let nothing more of BATCH begin until it is resumed; what is under way is finished.

    It stays paused however often workers and servers are started again. --all means every batch that has
    recordings waiting.

    \b
    Example:
      gong-ingest pause calls
    """
    with session(Settings.from_env()) as opened:
        found = [each for each in chosen(opened, batch, every=every) if batch or each.waiting]
        changed = [opened.control.pause(each.batch) for each in found]
    for each, is_changed in zip(found, changed, strict=True):
        say(_sentence(each, is_changed=is_changed))
    if not found:
        say("There is nothing to pause: no recordings wait.")
    if as_json:
        echo_changes(found, changed)


def _sentence(counts: Counts, *, is_changed: bool) -> str:
    if not is_changed:
        since = datetime.fromtimestamp(counts.paused_at).astimezone()
        return f"{counts.batch} is paused already, since {since:%Y-%m-%d %H:%M:%S}."
    return (
        f"{counts.batch} is paused, with {recordings(counts.pending)} waiting; {counts.active:,} under way "
        f"are finished first. Go on with: {command_on('resume', counts.batch)}"
    )
