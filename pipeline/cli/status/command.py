"""The options of `gong-ingest status`."""

from __future__ import annotations

import click


@click.command()
@click.argument("batch", required=False)
@click.option("--watch", is_flag=True, help="Look on: until BATCH is at its end, or until Ctrl-C.")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on standard output; with --watch JSON lines."
)
def status(batch: str | None, watch: bool, as_json: bool) -> None:
    """Show how BATCH, or every batch, is doing.

    With --watch a view that follows: on a terminal a bar for each batch that is not finished, else a line now
    and then.

    \b
    Example:
      gong-ingest status calls --json
      gong-ingest status --watch
    """
    from pipeline.cli.status.show import show

    show(batch, watch=watch, as_json=as_json)
