"""What is never written into a log, whoever logs it: the secrets of the settings, and what signs a link.

A last line: nothing here logs a secret on purpose, but libraries at DEBUG write what they are given.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from pipeline.settings import Settings

MASK = "********"
# What is shorter would be found in words that are none.
SECRET_MIN_CHARACTERS = 4
_SIGNATURE = re.compile(
    r"(?i)\b((?:X-Amz-|X-Goog-)?(?:Signature|Credential|Security-Token)|AWSAccessKeyId|sig)(=|%3D)[^&\s\"'<>]+"
)
_CREDENTIALS = re.compile(r"(://[^/\s:@]*:)[^@\s/]+@")
_AUTHORIZATION = re.compile(r"(?i)\b(Basic|Bearer) [A-Za-z0-9+/=_.~-]{8,}")


class Hiding:
    """Hides what it knows, in any text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets for form in _forms(secret)}
        # A longer one may hold a shorter one.
        ordered = sorted(known, key=lambda each: (-len(each), each))
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def hide(self, text: str) -> str:
        """Give the text with a mask for each secret."""
        if self._known:
            text = self._known.sub(MASK, text)
        text = _SIGNATURE.sub(rf"\1\2{MASK}", text)
        text = _CREDENTIALS.sub(rf"\1{MASK}@", text)
        return _AUTHORIZATION.sub(rf"\1 {MASK}", text)


def secrets_of(settings: Settings) -> Iterator[str]:
    """List the secrets of the settings that are known without reading any that lies elsewhere."""
    key, secret = settings.access_key, settings.access_key_secret
    if isinstance(key, str) and isinstance(secret, str):
        yield base64.b64encode(f"{key}:{secret}".encode()).decode()
    for value in (
        secret,
        settings.access_token,
        settings.oauth_client_secret,
        settings.oauth_refresh_token,
        settings.store_key,
        settings.sftp_password,
        settings.redis_sentinel_password,
        settings.webhook_secret,
    ):
        if isinstance(value, str):
            yield value
    if settings.redis_url and "@" in settings.redis_url:
        credentials = settings.redis_url.partition("://")[2].rpartition("@")[0]
        yield unquote(credentials.partition(":")[2])
    for line in (settings.media_headers or "").splitlines():
        yield line.partition(":")[2].partition(": ")[2] or line.rpartition(": ")[2]


def _forms(secret: str) -> set[str]:
    """Give a secret as it may be written: as it is, in an address, and in Python's own form."""
    forms = {secret, quote(secret, safe=""), quote(secret), repr(secret)[1:-1]}
    return {form for form in forms if len(form) >= SECRET_MIN_CHARACTERS}
