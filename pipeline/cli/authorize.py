"""`gong-ingest authorize`: store the first OAuth tokens, or new ones after they were lost."""

from __future__ import annotations

import json
import secrets
import sys
from urllib.parse import parse_qs, urlencode, urlsplit

import click

from pipeline.cli.session import session
from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings

SCOPES = "api:calls:create api:users:read"


@click.command()
@click.option(
    "--redirect-uri", help="The OAuth client's, as Gong knows it; for an authorization by a person."
)
@click.option("--scope", default=SCOPES, show_default=True, help="What is asked for.")
@click.option(
    "--refresh-token",
    "by_token",
    is_flag=True,
    help="Read a refresh token from standard input, instead of a code; it is used up by this.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def authorize(redirect_uri: str | None, scope: str, by_token: bool, as_json: bool) -> None:
    """Let a company authorize this program by OAuth, and store the tokens for the whole fleet.

    It writes an address that a technical administrator of the company opens in a browser. Gong leads the
    browser on to the redirect URI with a code: paste that address, or the code alone. Workers that run go on
    by themselves. Needs GONG_OAUTH_CLIENT_ID, GONG_OAUTH_CLIENT_SECRET and GONG_INGEST_STORE_KEY
    (docs/oauth.md).

    \b
    Example:
      gong-ingest authorize --redirect-uri https://example.com/oauth
      gong-ingest authorize --refresh-token < token.txt
    """
    from pipeline.authorization import adopt_code, adopt_refresh_token

    settings = Settings.from_env()
    oauth = settings.oauth()
    if oauth is None:
        raise SettingsInvalid(
            "Not set: GONG_OAUTH_CLIENT_ID, GONG_OAUTH_CLIENT_SECRET, GONG_INGEST_STORE_KEY."
        )
    if by_token == bool(redirect_uri):
        raise click.UsageError("Give either --redirect-uri or --refresh-token.")
    with session(settings) as opened:
        if redirect_uri:
            state = secrets.token_urlsafe(16)
            _say_where(oauth.token_url, oauth.client_id, redirect_uri, scope, state)
            code = _code(_secret("Address or code: "), state)
            pair = adopt_code(opened.settings, opened.store, code, redirect_uri=redirect_uri)
        else:
            pair = adopt_refresh_token(opened.settings, opened.store, _secret("Refresh token: "))
        opened.limiter.probe_now()
    address = settings.base_url or pair.base_url
    if as_json:
        click.echo(json.dumps({"base_url": address, "lifetime_s": pair.lifetime_s}))
    click.echo(
        f"Authorized for {address}; the access token holds for {pair.lifetime_s / 3600:.1f} h and is "
        "refreshed before its end.",
        err=True,
    )


def _say_where(token_url: str, client_id: str, redirect_uri: str, scope: str, state: str) -> None:
    query = {"client_id": client_id, "response_type": "code", "scope": scope, "redirect_uri": redirect_uri}
    parts = urlsplit(token_url)
    address = f"{parts.scheme}://{parts.netloc}/oauth2/authorize?{urlencode(query | {'state': state})}"
    click.echo(f"A technical administrator of the company opens:\n\n  {address}\n", err=True)


def _secret(prompt: str) -> str:
    """Read a line that is not shown, from a terminal or a pipe; never an argument, which others may see."""
    text: str = (
        click.prompt(prompt.rstrip(": "), hide_input=True, err=True)
        if sys.stdin.isatty()
        else sys.stdin.readline()
    )
    if not text.strip():
        raise click.UsageError("Nothing was given on standard input.")
    return text.strip()


def _code(text: str, state: str) -> str:
    """Take the code out of the address that Gong led to; a code alone is taken as it is."""
    if "://" not in text:
        return text
    query = parse_qs(urlsplit(text).query)
    if query.get("state") != [state]:
        raise click.UsageError("This address belongs to another authorization; open the one above.")
    if not query.get("code"):
        raise click.UsageError("There is no code in this address; was the authorization refused?")
    return query["code"][0]
