"""`gong-ingest enqueue`: single recordings from other programs, an answer for each."""

from __future__ import annotations

import json
import os
import sys

import click

from pipeline.cli import ExitCode
from pipeline.cli.batches import recordings, say
from pipeline.job import Lane


@click.command()
@click.option("--batch", default="live", show_default=True, help="Name of their batch.")
@click.option(
    "--lane",
    type=click.Choice([lane.value for lane in Lane]),
    default=Lane.LIVE.value,
    show_default=True,
    help="Whether they go before a backfill (live) or with it (backfill).",
)
@click.option("--json", "as_json", is_flag=True, help="As it is without: a line of JSON for each recording.")
def enqueue(batch: str, lane: str, as_json: bool) -> int:  # noqa: ARG001 - there is no other form
    """Hand in the recordings that come on standard input: a line of JSON each, as in a manifest.

    Each is answered by a line of JSON on standard output as soon as it is written to the ledger, in order.
    The command may run for as long as its input is open.

    \b
    Example:
      echo '{"call": {"clientUniqueId": "pbx-1", ...}, "media": "1.wav"}' | gong-ingest enqueue
    """
    from pipeline.answering import answers_to
    from pipeline.client import Pipeline
    from pipeline.manifest.arriving import arriving_lines

    if sys.stdin is None:
        raise click.UsageError("Standard input is closed; the recordings are read from there.")
    total = refused = 0
    with (
        Pipeline.from_env(batch=batch) as pipeline,
        os.fdopen(sys.stdin.fileno(), "rb", closefd=False) as stream,
    ):
        if stream.isatty():
            say("Reading a line of JSON for each recording; Ctrl-D ends it.")
        for lines in arriving_lines(stream):
            for answer in answers_to(lines, pipeline, lane=Lane(lane)):
                total += 1
                refused += answer["result"] == "refused"
                click.echo(json.dumps(answer, ensure_ascii=False))
    if not refused:
        return ExitCode.DONE
    say(f"{refused:,} of {recordings(total)} cannot be handed in; each line says why.")
    return ExitCode.SOME_FAILED
