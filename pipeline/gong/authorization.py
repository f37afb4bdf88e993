"""What the API is asked with, which may change while a client lives.

Invariants: no text shows anything of it but the address. What is read anew is used only if it can be sent.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable
from typing import Protocol

from pipeline.errors import SettingsInvalid
from pipeline.settings import Credentials

log = logging.getLogger(__name__)


class Authorization(Protocol):
    """The address of the API and the Authorization header, as they are now."""

    @property
    def base_url(self) -> str:
        """Give the address of the API."""

    @property
    def header(self) -> str:
        """Give the value of the header."""

    @property
    def holds(self) -> bool:
        """Tell whether what was prepared is still of use; asks nobody."""

    def prepare(self) -> None:
        """See to it that a request can be made now; costs nothing most of the time.

        Raises:
            AccessMissing: There is nothing to ask with; a person has to do something.
            AccessUnavailable: There is nothing to ask with now.
            AccessAwaited: Another process is getting it.
        """

    def refused(self, header: str) -> bool:
        """Learn that the API refused this header (401); tells whether there is another one now."""


class Given:
    """A key pair or a token that was given, and is read again when the API refuses it.

    Args:
        base_url: Address of the API.
        credentials: To begin with.
        read_anew: Reads them where they lie; None where they lie nowhere.

    Raises:
        SettingsInvalid: They are incomplete or can't be sent.
    """

    def __init__(
        self, base_url: str, credentials: Credentials, read_anew: Callable[[], Credentials] | None = None
    ) -> None:
        self._base_url = base_url
        self._header = header_of(credentials)
        self._read_anew = read_anew
        self._reading = threading.Lock()

    @property
    def base_url(self) -> str:
        """Give the address that the settings name."""
        return self._base_url

    @property
    def header(self) -> str:
        """Give the header of what was read last."""
        return self._header

    @property
    def holds(self) -> bool:
        """Tell that a key has no end."""
        return True

    def prepare(self) -> None:
        """Do nothing: it is there."""

    def refused(self, header: str) -> bool:
        """Read them again, unless another thread has."""
        with self._reading:
            if header == self._header and self._read_anew:
                try:
                    self._header = header_of(self._read_anew())
                except SettingsInvalid as error:
                    log.warning("The API refuses the key, and it cannot be read again: %s", error)
                if header != self._header:
                    log.warning("The API refused the key; another one was read and is used from now on.")
            return header != self._header


def header_of(credentials: Credentials) -> str:
    """Write the header.

    Raises:
        SettingsInvalid: The credentials are incomplete or can't be sent; the error does not show them.
    """
    key, secret, token = (credentials[name] for name in ("access_key", "access_key_secret", "access_token"))
    given = [key is not None, secret is not None, token is not None]
    if given not in ([True, True, False], [False, False, True]):
        raise SettingsInvalid(
            "The API wants an access key with its secret, or an access token; set one of them."
        )
    if token is not None:
        return f"Bearer {_plain(token)}"
    pair = f"{_plain(key or '', forbidden=':')}:{_plain(secret or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _plain(secret: str, *, forbidden: str = "") -> str:
    """Return a secret that a header can carry; the error must not show it."""
    if not secret or any(not "!" <= each <= "~" or each in forbidden for each in secret):
        raise SettingsInvalid(
            "The API's access key, secret or token is empty or holds a character that no key has, like a "
            "space. Copy it anew from Gong's page of API keys."
        )
    return secret
