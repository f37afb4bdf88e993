"""`gong-ingest resume`: let a paused batch go on."""

from __future__ import annotations

import click

from pipeline.cli.batches import batch_or_all, chosen, echo_changes, recordings, say
from pipeline.cli.session import session
from pipeline.settings import Settings


@click.command()
@batch_or_all
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def resume(batch: str | None, every: bool, as_json: bool) -> None:
    """Let BATCH go on after a pause; --all means every batch that is paused.

    \b
    Example:
      gong-ingest resume calls
    """
    with session(Settings.from_env()) as opened:
        found = [each for each in chosen(opened, batch, every=every) if batch or each.paused_at]
        changed = [opened.control.resume(each.batch) for each in found]
    for each, is_changed in zip(found, changed, strict=True):
        goes_on = f"{each.batch} goes on, with {recordings(each.pending)} waiting."
        say(goes_on if is_changed else f"{each.batch} was not paused.")
    if not found:
        say("There is nothing to resume: no batch is paused.")
    if as_json:
        echo_changes(found, changed)
