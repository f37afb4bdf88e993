"""What is never written into a log, whoever logs it: the secrets of the settings, and what signs a link.

A last line: nothing here logs a secret on purpose, but libraries at DEBUG write what they are given.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from pipeline.settings.oauth import keys_of
from pipeline.settings.webhook import PREFIX as WEBHOOK_PREFIX

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
    """List the secrets of the settings that are known without reading any that lies elsewhere.

    Which they are is said where the settings are declared; `_PARTS` says only what of some of them is one.
    """
    key, secret = settings.access_key, settings.access_key_secret
    if isinstance(key, str) and isinstance(secret, str):
        yield base64.b64encode(f"{key}:{secret}".encode()).decode()
    for name, form in settings.forms().items():
        value = getattr(settings, name)
        if form.is_secret and isinstance(value, str):
            yield from _PARTS[name](value) if name in _PARTS else [value]


def _of_address(url: str) -> Iterator[str]:
    """Give the password alone: the rest of an address is told."""
    if "@" in url:
        credentials = url.partition("://")[2].rpartition("@")[0]
        yield unquote(credentials.partition(":")[2])


def _of_headers(lines: str) -> Iterator[str]:
    """Give the value of each header: the hosts are told."""
    for line in lines.splitlines():
        yield line.partition(":")[2].partition(": ")[2] or line.rpartition(": ")[2]


def _of_connection(text: str) -> Iterator[str]:
    """Give a connection string of Azure whole, and the key in it alone, as its library knows it."""
    yield text
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name.lower() == "accountkey":
            yield value


def _of_keys(text: str) -> Iterator[str]:
    """Give each key, as it is written and as it is used."""
    yield from map(str.strip, text.split(","))
    yield from keys_of(text)


def _of_webhook(secret: str) -> Iterator[str]:
    """Give it whole, and the key in it."""
    yield secret
    yield secret.removeprefix(WEBHOOK_PREFIX)


_PARTS: dict[str, Callable[[str], Iterator[str]]] = {
    "redis_url": _of_address,
    "media_headers": _of_headers,
    "azure_storage_connection_string": _of_connection,
    "store_key": _of_keys,
    "webhook_secret": _of_webhook,
}


def _forms(secret: str) -> set[str]:
    """Give a secret as it may be written: as it is, in an address, and in Python's own form."""
    forms = {secret, quote(secret, safe=""), quote(secret), repr(secret)[1:-1]}
    return {form for form in forms if len(form) >= SECRET_MIN_CHARACTERS}
