"""`gong-ingest gate`: stop all requests of the fleet by hand, or let them go on."""

from __future__ import annotations

import json

import click

from pipeline.cli.choices import as_typed
from pipeline.cli.session import Session, session
from pipeline.settings import Settings

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


@click.group()
def gate() -> None:
    """Stop all requests of the fleet by hand, or let them go on.

    \b
    Example:
      gong-ingest gate close --because "Gong asked us to wait"
      gong-ingest gate open
    """


@gate.command()
@click.option("--because", default="closed by hand", show_default=True, help="Shown to whoever asks why.")
@json_option
def close(because: str, as_json: bool) -> None:
    """Let no request leave until the gate is opened; what is under way is finished.

    \b
    Example:
      gong-ingest gate close --because "Gong asked us to wait"
    """
    with session(Settings.from_env()) as opened:
        opened.limiter.close_by_hand(because)
        if as_json:
            _echo(opened)
        click.echo(f"The gate is closed; open it with: {as_typed('gate open')}", err=True)


@gate.command("open")
@json_option
def open_gate(as_json: bool) -> None:
    """Let requests leave again, whatever closed the gate.

    \b
    Example:
      gong-ingest gate open
    """
    with session(Settings.from_env()) as opened:
        was_closed = opened.limiter.open_by_hand()
        if as_json:
            _echo(opened)
        click.echo("The gate is open." if was_closed else "The gate was open.", err=True)


@gate.command()
@json_option
def show(as_json: bool) -> None:
    """Say whether the gate is closed, why, since when and until when.

    \b
    Example:
      gong-ingest gate show
      gong-ingest gate show --json | jq .gate.reason
    """
    from pipeline.printable import printable

    with session(Settings.from_env()) as opened:
        if as_json:
            _echo(opened)
            return
        closed = opened.limiter.gate()
        click.echo(printable(closed.sentence) if closed else "The gate is open.")


def _echo(opened: Session) -> None:
    """Write the gate as `status --json` does; null while it is open."""
    from pipeline.documents import gate_document

    closed = opened.limiter.gate()
    click.echo(json.dumps({"gate": gate_document(closed) if closed else None}))
