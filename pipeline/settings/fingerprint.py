"""What a worker tells of its settings, so that others find one that differs; it shows no value.

Invariant: the settings are those that all workers of one ledger should share. What belongs to a machine, such
as its folders and how many processes it has, is left out, and so are secrets: a digest could be tried out.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.settings import Settings

SHARED = (
    "base_url",
    "requests_per_second",
    "requests_per_day",
    "day_window",
    "rate_margin",
    "burst",
    "live_share",
    "link_lifetime_s",
    "lease_ttl_s",
    "attempts_max",
    "backoff_base_s",
    "backoff_cap_s",
    "failures_to_close",
)
# Of each setting; two that differ look the same once in 16 million.
HEX_DIGITS = 6


def fingerprint_of(settings: Settings) -> str:
    """Give a short digest of each setting that workers should share, one after the other."""
    return "".join(_digest(name, getattr(settings, name)) for name in SHARED)


def differing(settings: Settings, fingerprint: str) -> tuple[str, ...]:
    """Name the settings that are others where that fingerprint was made; nothing of one of another form."""
    own = fingerprint_of(settings)
    if len(fingerprint) != len(own):
        return ()
    starts = range(0, len(own), HEX_DIGITS)
    return tuple(
        name
        for name, start in zip(SHARED, starts, strict=True)
        if own[start : start + HEX_DIGITS] != fingerprint[start : start + HEX_DIGITS]
    )


def _digest(name: str, value: object) -> str:
    return sha256(f"{name}={value}".encode()).hexdigest()[:HEX_DIGITS]
