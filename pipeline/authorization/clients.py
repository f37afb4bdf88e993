"""Clients with what the settings say they are to ask with."""

from __future__ import annotations

import functools

from pipeline.authorization.apart import ANSWER_MAX_S, attempt_s, refresh_apart
from pipeline.authorization.grants import Grants
from pipeline.authorization.shared import SharedTokens
from pipeline.errors import RequestFailed, SettingsInvalid
from pipeline.gong import Authorization, Given, GongClient
from pipeline.settings import OAuth, Settings, credentials_anew
from pipeline.store import Store


def authorization_of(settings: Settings, store: Store) -> Authorization:
    """Give what the API is asked with.

    Raises:
        SettingsInvalid: The address or the credentials are missing or can't be sent.
    """
    credentials = settings.require_credentials()
    oauth = settings.oauth()
    if oauth is None:
        return Given(settings.base_url or "", credentials, credentials_anew)
    return SharedTokens(
        Grants.from_settings(settings, oauth, store),
        functools.partial(refresh_apart, settings),
        attempt_s=attempt_s(settings),
        base_url=settings.base_url,
    )


def client_of(settings: Settings, store: Store) -> GongClient:
    """Give the API's client.

    Raises:
        SettingsInvalid: The address or the credentials are missing or can't be sent.
    """
    return GongClient.from_settings(settings, authorization_of(settings, store))


def token_client(settings: Settings, oauth: OAuth) -> GongClient:
    """Give the client of the address that gives tokens."""
    deadline_s = min(ANSWER_MAX_S, settings.request_deadline_s)
    return GongClient(
        oauth.token_url,
        access_key=oauth.client_id,
        access_key_secret=oauth.client_secret,
        connect_timeout_s=min(settings.connect_timeout_s, deadline_s),
        read_timeout_s=min(settings.read_timeout_s, deadline_s),
        request_deadline_s=deadline_s,
    )


def reach(settings: Settings) -> None:
    """Open a connection to the API, so that a wrong address is told before any work; sends no request.

    With OAuth and no address of one's own it is the one that gives the tokens.

    Raises:
        SettingsInvalid: It can't be opened, or the credentials are missing or can't be sent.
    """
    credentials = settings.require_credentials()
    oauth = settings.oauth()
    if oauth is None:
        client = GongClient.from_settings(settings, Given(settings.base_url or "", credentials))
    else:
        client = token_client(settings, oauth)
    try:
        client.connect()
    except RequestFailed as failed:
        raise SettingsInvalid(str(failed)) from failed
    finally:
        client.close()
