"""`gong-ingest check`: what a manifest would come to, before anything of it is handed in.

Only the options stand here: the help needs nothing of what they lead to, and is there at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.reading import media_option, reading_options

if TYPE_CHECKING:
    from pipeline.manifest import Form

HELP_OF_EXIT_CODES = """\b
Exit codes:
  0  every row would be brought in; there may be warnings
  2  wrong usage or settings, or the manifest cannot be read
  3  some rows would be rejected
  4  stopped before the end
  6  the server of the ledger is out of reach
"""


@click.command(epilog=HELP_OF_EXIT_CODES)
@click.argument("manifest", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--media-root",
    help="Folder or address (s3://bucket/prefix) of the media; GONG_INGEST_MEDIA_ROOTS or the manifest's "
    "folder when left out.",
)
@media_option
@click.option("--media/--no-media", default=True, show_default=True, help="Look at the media files as well.")
@click.option(
    "--users/--no-users", default=True, show_default=True, help="Look users up in Gong's list as well."
)
@reading_options
@click.option(
    "--processes", type=click.IntRange(1, 256), help="How many look at rows; one a core when left out."
)
@click.option(
    "--problems",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for every problem: CSV if it ends in .csv, else JSON lines. It is overwritten.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="JSON lines on standard output: every problem, a summary."
)
def check(
    manifest: Path,
    media_root: str | None,
    media_mode: str,
    media: bool,
    users: bool,
    form: Form | None,
    map_path: Path | None,
    encoding: str | None,
    delimiter: str | None,
    processes: int | None,
    problems: Path | None,
    as_json: bool,
) -> int:
    """Check the whole of MANIFEST and say when it would be done; `-` reads standard input.

    Finds every row that would be rejected, and why: calls by the very check that backfill and its workers
    make, media that is missing, empty, too large or neither audio nor video, the same clientUniqueId or file
    twice. Warns of recordings shorter than 30 s, and of users who are unknown to Gong, not active or not
    enabled for the import of calls, with how many recordings hang on each: with a key, Gong is asked for its
    list of users, which is kept for a day. Nothing else is sent, and nothing is handed in.

    \b
    Example:
      gong-ingest check calls.jsonl --media-root ./recordings
      gong-ingest check calls.csv --problems problems.csv
      gong-ingest check calls.csv --json | jq -r 'select(.type == "problem") | .line'
    """
    from pipeline.cli.preflight.run import Wanted, run_check
    from pipeline.cli.reading import reading_of

    reading = reading_of(form, map_path, encoding, delimiter)
    links = media_mode == "link"
    return run_check(
        Wanted(
            manifest=manifest,
            reading=reading,
            media_root=media_root,
            looks_at_media=media,
            looks_at_users=users,
            processes=processes,
            problems=problems,
            as_json=as_json,
            links=links,
        )
    )
