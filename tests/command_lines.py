"""Command lines that are written down somewhere: whether `gong-ingest` would take them."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pipeline.cli import cli


def check_command_line(words: Sequence[str]) -> None:
    """Read the arguments of `gong-ingest` as it does, and run nothing.

    Raises:
        click.UsageError: It would refuse them.
    """
    context, rest = click.Context(cli, info_name="gong-ingest"), list(words)
    command: click.Command = cli
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        if found is None:
            raise click.UsageError(f"There is no command {name}.")
        command = found
        context = click.Context(command, parent=context, info_name=name)
    command.make_context(context.info_name, list(rest), parent=context.parent)
