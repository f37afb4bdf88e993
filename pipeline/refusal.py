"""What the ledger's server refuses, in a sentence: whether it passes, what was said, and what to do.

Invariants: what passes by itself, or when somebody makes room, is `LedgerUnreachable`: it is asked again, and
nothing is lost meanwhile. All else is `LedgerRefused`: asked again it would be refused again. No sentence
shows a password. The words are those of Redis 6.2 to 8 and of Valkey 8 and 9, as redis-py hands them on: it
makes a class of some and leaves others at the beginning of the text.
"""

from __future__ import annotations

import re
import ssl

import redis
from redis import exceptions

from pipeline.connecting import Untrusted
from pipeline.errors import LedgerRefused, LedgerUnreachable

SAID_MAX_CHARACTERS = 300

DISK_FULL = "its disk is full or not writable; make room, what is written stays"
MEMORY_FULL = "its memory is full (maxmemory); give it more, what is written stays"
ONLY_READS = "it is a replica that only reads; name the primary in GONG_INGEST_REDIS_URL"

# By redis-py's class, or by the word with which the server's text begins.
PASSING: dict[type[redis.RedisError] | str, str] = {
    redis.AuthenticationError: "it refuses user or password in GONG_INGEST_REDIS_URL",
    redis.OutOfMemoryError: MEMORY_FULL,
    redis.ReadOnlyError: ONLY_READS,
    redis.BusyLoadingError: "it is loading what lies on its disk",
    exceptions.ClusterDownError: "its cluster is down",
    exceptions.MasterDownError: "it is a replica that lost its primary; name that in GONG_INGEST_REDIS_URL",
    exceptions.TryAgainError: "its cluster moves keys",
    "MISCONF": DISK_FULL,
    # Redis 6.2 says these so of a script.
    "OOM": MEMORY_FULL,
    "READONLY": ONLY_READS,
    "NOREPLICAS": "it waits for replicas to write to (min-replicas-to-write)",
    "BUSY": "it is busy with a script that somebody runs; end that with SCRIPT KILL",
    "UNBLOCKED": "it became a replica at this moment",
}

OTHER_NAME = "its certificate is for another name; write the host in GONG_INGEST_REDIS_URL as it does"
OTHER_AUTHORITY = (
    "its certificate comes from an authority that is not known here; name the file with that one's own "
    "certificate in GONG_INGEST_REDIS_CA"
)
# What is wrong with the server's certificate, by OpenSSL's number for it (X509_V_ERR_…).
UNTRUSTED: dict[int, str] = {
    9: "its certificate is not valid yet; compare the clocks of both machines",
    10: "its certificate has expired; renew it there",
    18: OTHER_AUTHORITY,
    19: OTHER_AUTHORITY,
    20: OTHER_AUTHORITY,
    21: OTHER_AUTHORITY,
    62: OTHER_NAME,
    64: OTHER_NAME,
}
CERTIFICATE_WANTED = (
    "it asks for a certificate; name it in GONG_INGEST_REDIS_CERTIFICATE, and its key in "
    "GONG_INGEST_REDIS_CERTIFICATE_KEY"
)
NOT_ENCRYPTED = (
    "it does not answer encrypted at that port in time; addresses that begin with rediss:// or sentinels:// "
    "are for servers that do"
)
CERTIFICATE_REFUSED = (
    "it asks for a certificate, and does not take one from that authority; see GONG_INGEST_REDIS_CERTIFICATE"
)
# Whose alert comes together with the end is not always read.
ENDED_AT_ONCE = (
    "it ends the encrypted connection at once: it asks for a certificate, or does not take the one in "
    "GONG_INGEST_REDIS_CERTIFICATE"
)
# What else goes wrong with an encrypted connection, by a part of what OpenSSL says.
TLS: dict[str, str] = {
    r"(?i)WRONG_VERSION_NUMBER|record layer failure|handshake operation timed out": NOT_ENCRYPTED,
    r"(?i)CERTIFICATE[_ ]REQUIRED": CERTIFICATE_WANTED,
    r"(?i)ALERT[_ ](UNKNOWN[_ ]CA|BAD[_ ]CERTIFICATE|CERTIFICATE[_ ]|DECRYPT)": CERTIFICATE_REFUSED,
}

RIGHTS = (
    "Let the user in GONG_INGEST_REDIS_URL do that: docs/redis.md has what each role needs; everything there "
    "is would be ACL SETUSER … +@all ~{prefix}* allchannels."
)
# What to do, by a part of redis-py's class and of what the server said; the first that fits.
ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"permission|ACL failure|user executing the script",
        RIGHTS,
    ),
    (
        r"\bFORMAT the ledger",
        "A newer version of gong-ingest changed it; upgrade this one too.",
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
        r"(?i)unknown (redis )?command",
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
    passing = PASSING.get(type(error)) or PASSING.get(said.partition(" ")[0]) or _of_tls(error)
    if passing or isinstance(error, redis.ConnectionError | redis.TimeoutError | Untrusted):
        return LedgerUnreachable(f"The ledger's server at {address} cannot be used: {passing or said}.")
    named = f"{type(error).__name__} {said}"
    advice = next((advice for part, advice in ADVICE if re.search(part, named)), OUR_MISTAKE)
    return LedgerRefused(
        f"The ledger's server at {address} refuses {what}: {said}. {advice.format(prefix=prefix)}"
    )


def _of_tls(error: redis.RedisError) -> str | None:
    """Say what is wrong with an encrypted connection."""
    if isinstance(error, Untrusted) and isinstance(error.failure, ssl.SSLCertVerificationError):
        found = UNTRUSTED.get(error.failure.verify_code)
        return found or f"its certificate is not trusted: {error.failure.verify_message}"
    if isinstance(error, Untrusted) and isinstance(error.failure, ssl.SSLEOFError):
        return ENDED_AT_ONCE
    said = " ".join(map(str, (error, error.__context__)))
    return next((sentence for part, sentence in TLS.items() if re.search(part, said)), None)


def _said(error: redis.RedisError) -> str:
    """Give the server's own words, as a part of a sentence."""
    text = str(error) or type(error).__name__
    # Where in the script, without the script's hash; Redis 6.2 says it first.
    text = re.sub(
        r"^Error running script \(call to f_\w+\): @user_script:(\d+): (?:@user_script: \d+: )?-?(.*)",
        r"\2 (line \1)",
        text,
    )
    text = re.sub(r"\s*script: (\w+, )?on @user_script:(\d+)\.?\s*$", r" (line \2)", text)
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return text[:SAID_MAX_CHARACTERS].rstrip(" .:,")
