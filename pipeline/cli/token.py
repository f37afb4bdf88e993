"""`gong-ingest token`: who may hand recordings in over HTTP, look at them and operate on them."""

from __future__ import annotations

import json

import click

from pipeline.settings import Settings

# Those of `pipeline.api.tokens.Scope`, which the help does not wait for.
SCOPES = ("enqueue", "read", "operate")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


@click.group()
def token() -> None:
    """Give other systems tokens for the API, and take them away again; it heeds both at once.

    \b
    Example:
      gong-ingest token create pbx --scope enqueue --scope read
      gong-ingest token list
      gong-ingest token revoke pbx
    """


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    default=("enqueue", "read"),
    show_default=True,
    help="To hand recordings in, to look at them, to cancel and retry them; may be given again.",
)
@json_option
def create(name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a token and show it, this once.

    \b
    Example:
      gong-ingest token create pbx --scope enqueue
    """
    from pipeline.api.tokens import Scope, TokensFile

    file = TokensFile.of(Settings.from_env())
    text = file.create(name, {Scope(scope) for scope in scopes})
    if as_json:
        click.echo(json.dumps({"name": name, "token": text, "scopes": sorted(set(scopes))}))
        return
    click.echo(text)
    click.echo(f"This is shown once; {file.path} has only its hash.", err=True)


@token.command("list")
@json_option
def list_tokens(as_json: bool) -> None:
    """List the tokens, with what they allow.

    \b
    Example:
      gong-ingest token list
    """
    from pipeline.api.tokens import TokensFile

    file = TokensFile.of(Settings.from_env())
    tokens = file.read()
    if as_json:
        listed = [
            {"name": each.name, "scopes": sorted(each.scopes), "created_at": each.created_at}
            for each in tokens
        ]
        click.echo(json.dumps({"tokens": listed}))
        return
    if not tokens:
        click.echo(f"No tokens in {file.path}.", err=True)
    for each in tokens:
        click.echo(f"{each.name}  {', '.join(sorted(each.scopes))}  since {each.created_at}")


@token.command()
@click.argument("name")
@json_option
def revoke(name: str, as_json: bool) -> None:
    """Take a token away: nobody is let in with it any more.

    \b
    Example:
      gong-ingest token revoke pbx
    """
    from pipeline.api.tokens import TokensFile

    TokensFile.of(Settings.from_env()).revoke(name)
    if as_json:
        click.echo(json.dumps({"revoked": name}))
    click.echo(f"The token {name} is revoked.", err=True)
