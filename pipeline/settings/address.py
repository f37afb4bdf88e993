"""What an address, or the name of a time zone, has to look like."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pipeline.settings.access import SENTINEL_SCHEMES, sentinels_of

REDIS_SCHEMES = ("redis", "rediss", "unix")
REDIS_ADDRESS = (
    "like redis://user:password@host:6379/0, rediss:// for TLS, unix:///path, or "
    "sentinel://user:password@host:26379,host:26379/service (sentinels:// for TLS); "
    "in a password write '/', '?', '#' and '@' as %2F, %3F, %23 and %40"
)

API_ADDRESS = (
    "like https://us-1234.api.gong.io (http:// only for this machine, and for containers beside it, "
    "whose names have no dot)"
)

MEDIA_SCHEMES = ("https", "http", "s3", "gs", "az", "sftp")
MEDIA_ADDRESS = (
    "like s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, sftp://user@host/folder "
    "or https://host/path, without a password and without anything behind the path"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# Not a number either, which the system would take for an IPv4 address.
_NAME_WITHOUT_DOT = re.compile(r"[a-z][a-z0-9_-]*")
_PORT = re.compile(r"[0-9]{1,5}(/|$)")


def scheme_of(text: str) -> str:
    """Return the scheme of an address in small letters; nothing for a path."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else ""


def root_of(text: str) -> Path | str:
    """Read a root below which media may lie: an address as it stands, or a folder."""
    return text if scheme_of(text) else Path(text).absolute()


def parts_of(text: str) -> list[str]:
    """Take paths and addresses apart that colons separate, of which addresses have some themselves."""
    roots: list[str] = []
    for part in text.split(":"):
        before = roots[-1] if roots else ""
        is_rest = before in MEDIA_SCHEMES and part.startswith("//")
        is_port = scheme_of(before) and "/" not in before.partition("://")[2] and _PORT.match(part)
        if is_rest or is_port:
            roots[-1] += f":{part}"
        else:
            roots.append(part)
    return [root for root in roots if root]


def is_media_address(address: str) -> bool:
    """Tell whether it is an address below which media may lie."""
    parts = _split(address)
    if parts is None or parts.scheme not in MEDIA_SCHEMES or not parts.hostname or parts.password is not None:
        return False
    has_user = parts.username is not None and parts.scheme != "sftp"
    return not (has_user or parts.query or parts.fragment or not address.isprintable())


def is_redis_address(address: str) -> bool:
    """Tell whether it is an address of the ledger's server."""
    if scheme_of(address) in SENTINEL_SCHEMES:
        return _is_sentinel_address(address)
    parts = _split(address)
    if parts is None or "@" in parts.path + parts.query + parts.fragment:
        return False
    return parts.scheme in REDIS_SCHEMES and bool(parts.path if parts.scheme == "unix" else parts.hostname)


def _is_sentinel_address(address: str) -> bool:
    try:
        return sentinels_of(address) is not None
    except ValueError:
        return False


def has_tls_options(address: str) -> bool:
    """Tell whether an address says itself how certificates are looked at, as redis-py would take it."""
    return re.search(r"[?&]ssl_", address) is not None


def is_api_address(address: str) -> bool:
    """Tell whether it is an address of the API: encrypted, on this machine, or under a name without a dot.

    Such names are those of containers beside this one (`http://simulator:8080`); the public DNS has none.
    """
    parts = _split(address)
    if parts is None or not parts.hostname or parts.username or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_near(parts.hostname))


def is_webhook_address(address: str) -> bool:
    """Tell whether it is an address to which something can be posted."""
    parts = _split(address)
    if parts is None or not parts.hostname or parts.username is not None or parts.fragment:
        return False
    return parts.scheme in {"https", "http"} and address.isascii() and address.isprintable()


def _split(address: str) -> SplitResult | None:
    """Take an address apart; None for one that has no such parts."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # reading it checks it
    except ValueError:
        return None
    return parts


def is_zone(name: str) -> bool:
    """Tell whether it is the name of a time zone."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - few name one

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_near(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return bool(_NAME_WITHOUT_DOT.fullmatch(host))
