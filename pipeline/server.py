"""What a server of the ledger must be, judged by what it tells of itself (INFO)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The tests of the ledger and the limiter run on several from here on (docs/redis.md).
OLDEST = {"Redis": (6, 2), "Valkey": (7, 2)}


def name_of(info: Mapping[str, Any]) -> tuple[str, str]:
    """Give the server's name and its version; Valkey calls itself a Redis of 2024 too."""
    if version := info.get("valkey_version"):
        return "Valkey", str(version)
    return "Redis", str(info.get("redis_version", "0"))


def problem_of_version(info: Mapping[str, Any]) -> str | None:
    """Say that a server is too old; None if it is not."""
    name, version = name_of(info)
    oldest = OLDEST[name]
    if tuple(int(part) for part in version.split(".")[:2] if part.isdecimal()) >= oldest:
        return None
    return f"is {name} {version}, and {name} {'.'.join(map(str, oldest))} is the oldest that will do."


def problem_of_eviction(info: Mapping[str, Any]) -> str | None:
    """Say that a server drops keys when its memory is full, and jobs with them; None if it does not."""
    policy = info.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return None
    return (
        "drops keys when its memory is full, and recordings with them: "
        f"its maxmemory-policy is {policy}. Set it to noeviction."
    )
