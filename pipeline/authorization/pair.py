"""A pair of OAuth tokens: read from an answer, and sealed for whatever it is written to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self, TypeGuard

from pipeline.errors import AccessMissing, SettingsInvalid
from pipeline.outcome import Answer

# RFC 6749 only recommends that an answer says for how long; Gong's tokens live a day.
LIFETIME_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token and the refresh token for the next one; shows neither.

    Attributes:
        base_url: Address of the customer's API, as the answer named it; empty if it did not.
        of: Fingerprint of the refresh token that it was given for.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lifetime_s: float
    base_url: str = ""
    of: str = ""

    @classmethod
    def from_answer(cls, answer: Answer, *, used: str) -> Self | None:
        """Read the answer to a grant whose refresh token, if any, was `used`; None if it holds no tokens."""
        body = answer.body
        access, refresh = body.get("access_token"), body.get("refresh_token", used)
        if not answer.complete or not _is_token(access) or not _is_token(refresh):
            return None
        base_url = body.get("api_base_url_for_customer")
        return cls(
            access_token=access,
            refresh_token=refresh,
            lifetime_s=_seconds(body.get("expires_in")),
            base_url=base_url if isinstance(base_url, str) else "",
            of=fingerprint(used) if used else "",
        )


def fingerprint(token: str) -> str:
    """Name a token without showing it: its hash tells nothing of what is random."""
    return hashlib.sha256(token.encode()).hexdigest()[:24]


class Seal:
    """Seals pairs: AES-128-CBC with an HMAC-SHA256 (Fernet); the first key seals, all of them open.

    Raises:
        SettingsInvalid: The package for it is not installed.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            from cryptography.fernet import Fernet, InvalidToken, MultiFernet  # noqa: PLC0415 - few use OAuth
        except ImportError:
            raise SettingsInvalid(
                "OAuth needs the package cryptography: pip install 'gong-call-ingest[oauth]'"
            ) from None
        self._keys = MultiFernet([Fernet(key) for key in keys])
        self._broken = InvalidToken

    def seal(self, pair: Pair) -> str:
        """Give the pair as text that tells nobody anything."""
        return self._keys.encrypt(json.dumps(asdict(pair)).encode()).decode()

    def open(self, sealed: str) -> Pair:
        """Give the pair in a text.

        Raises:
            AccessMissing: None of the keys sealed it.
        """
        try:
            return Pair(**json.loads(self._keys.decrypt(sealed.encode())))
        except self._broken:
            raise AccessMissing(
                "The stored OAuth tokens cannot be opened with GONG_INGEST_STORE_KEY. Put the key that "
                "sealed them behind the new one, after a comma, or authorize anew: gong-ingest authorize"
            ) from None


def _is_token(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value) and all("!" <= each <= "~" for each in value)


def _seconds(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 10 * 365 * LIFETIME_S else LIFETIME_S
