"""OAuth: who this program is to Gong, the refresh token to begin with, and the keys that seal what is stored.

Of several keys the first one seals, and all open: so a key is replaced by putting the new one in front, and
taking the old one away when everything was sealed anew, after one refresh.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from pipeline.settings.address import API_ADDRESS, is_api_address
from pipeline.settings.environment import PREFIX
from pipeline.settings.secret import SecretSource

SECRETS_OF_OAUTH = ("oauth_client_secret", "oauth_refresh_token", "store_key")
TOKEN_URL = "https://app.gong.io/oauth2/generate-customer-token"  # noqa: S105 - an address
KEY_BYTES = 32
KEYS_FORM = (
    "32 random bytes in base64 (openssl rand -base64 32); of several, separated by commas, the first seals"
)

Secret = str | SecretSource | None


@dataclass(frozen=True, slots=True)
class OAuth:
    """What OAuth needs; shows no secret.

    Attributes:
        refresh_token: The one to begin with; None when tokens are stored by `gong-ingest authorize`.
        store_keys: Each of 32 bytes in URL-safe base64.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    store_keys: tuple[str, ...] = field(repr=False)


def keys_of(text: str) -> tuple[str, ...]:
    """Give the keys in a setting, in URL-safe base64; none if one of them is no key."""
    keys = []
    for part in text.split(","):
        try:
            key = base64.b64decode(part.strip().replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            return ()
        if len(key) != KEY_BYTES:
            return ()
        keys.append(base64.urlsafe_b64encode(key).decode())
    return tuple(keys)


PAIR = "GONG_OAUTH_CLIENT_ID and GONG_OAUTH_CLIENT_SECRET go together: set both."
WITHOUT_STORE_KEY = f"GONG_OAUTH_CLIENT_ID needs {PREFIX}STORE_KEY, which seals the tokens that are stored."


def rules_of_oauth(
    *, client_id: str | None, client_secret: Secret, refresh_token: Secret, token_url: str, store_key: Secret
) -> list[tuple[bool, str]]:
    """List what must hold, each with the sentence for when it does not; no secret is read for it.

    Who never asks the API has a client's id among the settings of the fleet, and none of its secrets.
    """
    return [
        (bool(client_id) or not (client_secret or refresh_token), PAIR),
        (
            not isinstance(store_key, str) or not store_key or bool(keys_of(store_key)),
            f"{PREFIX}STORE_KEY must be {KEYS_FORM}.",
        ),
        (is_api_address(token_url), f"GONG_OAUTH_TOKEN_URL must be {API_ADDRESS}."),
    ]
