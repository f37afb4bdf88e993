"""The options of `gong-ingest backfill`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.reading import media_option, reading_options

if TYPE_CHECKING:
    from pipeline.manifest import Form


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--batch", help="Name of the batch; the manifest's own name when left out.")
@click.option(
    "--media-root",
    help="Folder or address (s3://bucket/prefix) of the media; GONG_INGEST_MEDIA_ROOTS or the manifest's "
    "folder when left out.",
)
@media_option
@reading_options
@click.option(
    "--check/--no-check",
    default=None,
    help="Check the whole manifest before any of it is handed in.  [default: check; not standard input]",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Hand nothing in if the check rejects a row; exit code 3. Users of whom it warns reject none.",
)
@click.option(
    "--rejected",
    type=click.Path(path_type=Path),
    help="File for rejected rows; NAME.rejected.csv or .jsonl beside the manifest when left out.",
)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until everything is done.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output at the end.")
def backfill(
    manifest: Path,
    batch: str | None,
    media_root: str | None,
    media_mode: str,
    form: Form | None,
    map_path: Path | None,
    encoding: str | None,
    delimiter: str | None,
    check: bool | None,
    strict: bool,
    rejected: Path | None,
    wait: bool,
    as_json: bool,
) -> int:
    """Bring the recordings of MANIFEST into Gong; `-` reads standard input.

    MANIFEST is JSON lines or CSV, compressed with gzip or Zstandard or not; with --map it is whatever another
    system exports. Run it again as often as you like: what is known is not sent again, and
    what was interrupted goes on.

    Rows that cannot be brought in stop no others. They stand in NAME.rejected.csv or .jsonl as they were,
    each with its line and the reason. Correct them there, and run backfill on that file.

    \b
    Example:
      gong-ingest backfill calls.jsonl --media-root ./recordings
    A line of calls.jsonl:
      {"call": {"clientUniqueId": "pbx-1", "actualStart": "2026-02-17T02:30:00-08:00", "direction": "Inbound",
       "primaryUser": "234599484848423", "parties": [{"userId": "234599484848423"}]}, "media": "1.wav"}
    The first lines of calls.csv:
      clientUniqueId,actualStart,direction,primaryUser,parties.0.userId,media
      pbx-1,2026-02-17T02:30:00-08:00,Inbound,234599484848423,234599484848423,1.wav
    """
    from pipeline.cli.backfill.run import run_backfill
    from pipeline.cli.backfill.wanted import Wanted
    from pipeline.cli.reading import reading_of

    if strict and check is False:
        raise click.UsageError("--strict needs the check: leave --no-check out.")
    return run_backfill(
        Wanted(
            manifest=manifest,
            reading=reading_of(form, map_path, encoding, delimiter),
            map_path=map_path,
            batch=batch,
            media_root=media_root,
            links=media_mode == "link",
            checks=check,
            strict=strict,
            rejected=rejected,
            waits=wait,
            as_json=as_json,
        )
    )
