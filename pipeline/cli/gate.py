"""`gong-ingest gate`: stop all requests of the fleet by hand, or let them go on."""

from __future__ import annotations

import click

from pipeline.cli.session import session
from pipeline.cli.status import gate_sentence
from pipeline.settings import Settings


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
def close(because: str) -> None:
    """Let no request leave until the gate is opened; what is under way is finished.

    \b
    Example:
      gong-ingest gate close --because "Gong asked us to wait"
    """
    with session(Settings.from_env()) as opened:
        opened.limiter.close_by_hand(because)
        click.echo("The gate is closed; open it with: gong-ingest gate open", err=True)


@gate.command("open")
def open_gate() -> None:
    """Let requests leave again, whatever closed the gate.

    \b
    Example:
      gong-ingest gate open
    """
    with session(Settings.from_env()) as opened:
        was_closed = opened.limiter.open_by_hand()
        click.echo("The gate is open." if was_closed else "The gate was open.", err=True)


@gate.command()
def show() -> None:
    """Say whether the gate is closed, why, since when and until when.

    \b
    Example:
      gong-ingest gate show
    """
    with session(Settings.from_env()) as opened:
        closed = opened.limiter.gate()
        click.echo(gate_sentence(closed) if closed else "The gate is open.")
