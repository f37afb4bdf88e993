"""`gong-ingest completion`: the script that lets a shell complete commands, options, batches and profiles."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

PROGRAM, VARIABLE = "gong-ingest", "_GONG_INGEST_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete commands, options, and names of batches and profiles.

    \b
    Example, for good:
      bash:  gong-ingest completion bash > ~/.local/share/bash-completion/completions/gong-ingest
      zsh:   gong-ingest completion zsh > ~/.zfunc/_gong-ingest    (a folder of $fpath)
      fish:  gong-ingest completion fish > ~/.config/fish/completions/gong-ingest.fish
    For this shell alone:
      source <(gong-ingest completion bash)
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise TypeError(f"click does not know {shell}")
    click.echo(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source(), nl=False)
