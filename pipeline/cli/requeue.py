"""`gong-ingest requeue`: rejected rows are looked at again, when what kept them out is mended."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pipeline.cli import ExitCode
from pipeline.cli.batches import known_batch, recordings, who_goes_on
from pipeline.cli.reading import media_option
from pipeline.cli.session import session
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.manifest import RejectedRow, Row, UncheckedRow
    from pipeline.media import Access

# Rows that are rejected again are told one by one up to so many.
ROWS_TOLD_MAX = 20


@click.command()
@click.argument("batch")
@click.option(
    "--media-root",
    help="Folder or address (s3://bucket/prefix) of the media; GONG_INGEST_MEDIA_ROOTS when left out.",
)
@media_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def requeue(batch: str, media_root: str | None, media_mode: str, as_json: bool) -> int:
    """Check the rejected rows of BATCH anew, and hand in those that are right now.

    For rows whose media was missing and has come since, or whose id was taken. A row that has to be corrected
    is corrected in the file of rejected rows, and handed in with `backfill`; so is one that its map could not
    make into a call. Without a media root nobody looks at media, and who lacked it stays rejected.

    \b
    Example:
      gong-ingest requeue calls --media-root ./recordings
    """
    from rich.console import Console

    from pipeline.cli.backfill.tally import say
    from pipeline.cli.roots import access_for, links_for, roots_of
    from pipeline.ledger import Manifests
    from pipeline.manifest import RejectedRow, check_row
    from pipeline.media import Access, probe
    from pipeline.producer import Producer
    from pipeline.settings.address import root_of

    settings = Settings.from_env()
    if media_root:
        settings = replace(settings, media_roots=(root_of(media_root),))
    console, access = Console(stderr=True, emoji=False), access_for(settings)
    linkable = links_for(settings) if media_mode == "link" else None

    def check_media(reference: str) -> None:
        probe(reference, access or Access())

    def check(row: UncheckedRow) -> Row | RejectedRow:
        return check_row(row, check_media if access else None)

    with session(settings) as opened:
        known_batch(opened, batch)
        requeued = rejected = 0
        producer = Producer(opened.ledger, Manifests(opened.store), batch=batch, may_link=linkable)
        roots = roots_of(settings) if opened.is_embedded else ()
        for handed in producer.requeue(check, roots if access else None):
            if not isinstance(handed, RejectedRow):
                requeued += 1
                continue
            rejected += 1
            if rejected <= ROWS_TOLD_MAX:
                say(console, f"line {handed.line}: {handed.reason}", style="red")
        workers = opened.ledger.fleet().workers
    if as_json:
        click.echo(json.dumps({"batch": batch, "requeued": requeued, "rejected": rejected}))
    else:
        handed_in = f"Handed in {recordings(requeued)}; {who_goes_on(workers)} " if requeued else ""
        say(console, f"{handed_in}{_stay(rejected, batch)}{_unseen(access)}")
    return ExitCode.SOME_FAILED if rejected else ExitCode.DONE


def _stay(rejected: int, batch: str) -> str:
    if not rejected:
        return f"No row of {batch} stays rejected."
    return (
        f"1 row of {batch} stays rejected."
        if rejected == 1
        else f"{rejected:,} rows of {batch} stay rejected."
    )


def _unseen(access: Access | None) -> str:
    return "" if access else " No media was looked at: name its place with --media-root."
