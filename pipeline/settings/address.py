"""What an address, or the name of a time zone, has to look like."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

REDIS_SCHEMES = ("redis", "rediss", "unix")
REDIS_ADDRESS = (
    "like redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path; "
    "in a password write '/', '?', '#' and '@' as %2F, %3F, %23 and %40"
)


def is_redis_address(address: str) -> bool:
    """Tell whether it is an address of the ledger's server."""
    parts = _split(address)
    if parts is None or "@" in parts.path + parts.query + parts.fragment:
        return False
    return parts.scheme in REDIS_SCHEMES and bool(parts.path if parts.scheme == "unix" else parts.hostname)


def is_api_address(address: str) -> bool:
    """Tell whether it is an address of the API: encrypted, or on this machine."""
    parts = _split(address)
    if parts is None or not parts.hostname or parts.username or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


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
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
