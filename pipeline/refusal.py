"""What the ledger's server refuses, in a sentence: whether it passes, what was said, and what to do.

Invariants: what passes by itself, or when somebody makes room, is `LedgerUnreachable`: it is asked again, and
nothing is lost meanwhile. All else is `LedgerRefused`: asked again it would be refused again. No sentence
shows a password. The words are those of Redis 7 and Valkey 9, as redis-py hands them on: it makes a class of
some and leaves others at the beginning of the text.
"""

from __future__ import annotations

import re

import redis
from redis import exceptions

from pipeline.errors import LedgerRefused, LedgerUnreachable

SAID_MAX_CHARACTERS = 300

DISK_FULL = "its disk is full or not writable; make room, what is written stays"

# By redis-py's class, or by the word with which the server's text begins.
PASSING: dict[type[redis.RedisError] | str, str] = {
    redis.AuthenticationError: "it refuses user or password in GONG_INGEST_REDIS_URL",
    redis.OutOfMemoryError: "its memory is full (maxmemory); give it more, what is written stays",
    redis.ReadOnlyError: "it is a replica that only reads; name the primary in GONG_INGEST_REDIS_URL",
    redis.BusyLoadingError: "it is loading what lies on its disk",
    exceptions.ClusterDownError: "its cluster is down",
    exceptions.MasterDownError: "it is a replica that lost its primary; name that in GONG_INGEST_REDIS_URL",
    exceptions.TryAgainError: "its cluster moves keys",
    "MISCONF": DISK_FULL,
    "NOREPLICAS": "it waits for replicas to write to (min-replicas-to-write)",
    "BUSY": "it is busy with a script that somebody runs; end that with SCRIPT KILL",
    "UNBLOCKED": "it became a replica at this moment",
}

# What to do, by a part of redis-py's class and of what the server said; the first that fits.
ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"permission|ACL failure|user executing the script",
        "Let the user in GONG_INGEST_REDIS_URL do that (ACL SETUSER … +@all ~{prefix}* allchannels).",
    ),
    (
        r"WRONGTYPE",
        "Something else writes keys that begin with {prefix}; set GONG_INGEST_NAMESPACE to another name.",
    ),
    (
        r"(?i)cluster|^(Moved|Ask)Error",
        "Name a server in GONG_INGEST_REDIS_URL that is not part of a cluster.",
    ),
    (
        r"(?i)unknown command",
        "The server is too old, or the command was taken from it; use Redis 7, Valkey 8 or later.",
    ),
    (
        r"^NoScriptError",
        "What answers is not one server; name the primary itself in GONG_INGEST_REDIS_URL, not a proxy.",
    ),
    (
        r"^InvalidResponse",
        "What answers there is neither Redis nor Valkey; check GONG_INGEST_REDIS_URL.",
    ),
)
OUR_MISTAKE = "That should not happen: report it with this sentence and the version of gong-ingest."


def error_of(
    error: redis.RedisError, *, what: str, address: str, prefix: str
) -> LedgerUnreachable | LedgerRefused:
    """Give the pipeline's error for one of redis-py's.

    Args:
        error: What redis-py raised.
        what: What the server was asked to do: a command, or a script by its name.
        address: The server's, as it may be shown.
        prefix: What the ledger's keys begin with.
    """
    said = _said(error)
    passing = PASSING.get(type(error)) or PASSING.get(said.partition(" ")[0])
    if passing or isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return LedgerUnreachable(f"The ledger's server at {address} cannot be used: {passing or said}.")
    named = f"{type(error).__name__} {said}"
    advice = next((advice for part, advice in ADVICE if re.search(part, named)), OUR_MISTAKE)
    return LedgerRefused(
        f"The ledger's server at {address} refuses {what}: {said}. {advice.format(prefix=prefix)}"
    )


def _said(error: redis.RedisError) -> str:
    """Give the server's own words, as a part of a sentence."""
    text = str(error) or type(error).__name__
    # Where in the script, without the script's hash.
    text = re.sub(r"\s*script: (\w+, )?on @user_script:(\d+)\.?\s*$", r" (line \2)", text)
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return text[:SAID_MAX_CHARACTERS].rstrip(" .:,")
