"""Storing the first tokens, or new ones after the refresh token was lost, by hand."""

from __future__ import annotations

from pipeline.authorization.asking import Nothing, ask
from pipeline.authorization.clients import token_client
from pipeline.authorization.grants import Grants
from pipeline.authorization.pair import Pair
from pipeline.errors import CredentialsRefused, SettingsInvalid
from pipeline.settings import Settings
from pipeline.store import Store


def adopt_code(settings: Settings, store: Store, code: str, *, redirect_uri: str) -> Pair:
    """Exchange the code of an authorization for tokens, and store them.

    Raises:
        CredentialsRefused: No tokens were given for it.
        SettingsInvalid: OAuth is not set.
        LedgerUnreachable: They could not be stored.
    """
    return _adopt(
        settings, store, {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    )


def adopt_refresh_token(settings: Settings, store: Store, refresh_token: str) -> Pair:
    """Use a refresh token, and store the tokens that it gives; raises as `adopt_code`."""
    return _adopt(settings, store, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def _adopt(settings: Settings, store: Store, grant: dict[str, str]) -> Pair:
    oauth = settings.oauth()
    if oauth is None:
        raise SettingsInvalid(
            "GONG_OAUTH_CLIENT_ID, GONG_OAUTH_CLIENT_SECRET and GONG_INGEST_STORE_KEY are not set."
        )
    grants = Grants.from_settings(settings, oauth, store)
    grants.look()  # the ledger answers: it would be too late to learn that it does not
    with token_client(settings, oauth) as client:
        if grant["grant_type"] == "authorization_code":
            grant = grant | {"client_id": oauth.client_id}
        given = ask(client, grant)
    if isinstance(given, Nothing):
        raise CredentialsRefused(given.problem)
    grants.keep(given, version=None)
    return given
