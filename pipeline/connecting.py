"""Makes redis-py's client for an address: of a server itself, or of the primary that Sentinels name.

Invariant: that one side does not trust the other is told at once (`Untrusted`), and not tried again.
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import SSLConnection
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection

from pipeline.errors import SettingsInvalid
from pipeline.settings import Access, Settings
from pipeline.settings.access import SENTINEL_SCHEMES, Sentinels, is_encrypted, sentinels_of

# A Sentinel that does not answer is left out for the next one.
SENTINEL_TIMEOUT_S = 2.0


class Untrusted(redis.RedisError):
    """The server's certificate is not trusted, or this program's is not by the server.

    Attributes:
        failure: What OpenSSL said.
    """

    def __init__(self, failure: ssl.SSLError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class EncryptedConnection(SSLConnection):
    """An encrypted connection; what goes wrong with its certificates does not pass by itself."""

    def _connect(self) -> Any:
        try:
            return super()._connect()  # type: ignore[no-untyped-call]  # redis-py has none
        except ssl.SSLError as error:
            raise Untrusted(error) from error

    def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's
        """Greet the server, which only now says that it does not take this side's certificate."""
        try:
            super().on_connect_check_health(check_health)
        except redis.ConnectionError as error:
            if isinstance(error.__context__, ssl.SSLError):
                raise Untrusted(error.__context__) from error
            raise


class EncryptedPrimaryConnection(SentinelManagedConnection, EncryptedConnection):
    """The same to the primary that Sentinels name."""


def url_of(settings: Settings) -> str:
    """Give the address of the configured server.

    Raises:
        SettingsInvalid: None is configured.
    """
    if not settings.redis_url:
        raise SettingsInvalid("GONG_INGEST_REDIS_URL is not set; this needs the ledger's server.")
    return settings.redis_url


def client_of(url: str, access: Access, **options: Any) -> redis.Redis:
    """Make a client; it connects when it is first used.

    Args:
        url: Of a server, or of Sentinels.
        access: What else the way there needs.
        options: Of redis-py's client.

    Raises:
        SettingsInvalid: A file with a certificate cannot be used.
    """
    sentinels = sentinels_of(url)
    if sentinels:
        return _client_of_primary(sentinels, access, options)
    if is_encrypted(url):
        pool = redis.ConnectionPool.from_url(url, **options, **access.tls_options())
        pool.connection_class = EncryptedConnection
        return redis.Redis.from_pool(pool)
    return redis.Redis.from_url(url, **options)


def _client_of_primary(sentinels: Sentinels, access: Access, options: dict[str, Any]) -> redis.Redis:
    """Make a client that asks the Sentinels for the primary at every connection."""
    asking = access.sentinel_options(is_encrypted=sentinels.is_encrypted) | {
        "socket_connect_timeout": min(SENTINEL_TIMEOUT_S, options["socket_connect_timeout"]),
        "socket_timeout": min(SENTINEL_TIMEOUT_S, options["socket_timeout"]),
        "retry": Retry(NoBackoff(), 0),
    }
    found: Any = Sentinel(sentinels.hosts, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    of_primary = options | {
        "db": sentinels.database,
        "username": sentinels.user,
        "password": sentinels.password,
    }
    if sentinels.is_encrypted:
        of_primary |= access.tls_options() | {"connection_class": EncryptedPrimaryConnection}
    client: redis.Redis = found.master_for(sentinels.service, **of_primary)
    return client


def shown(url: str) -> str:
    """Give an address as it may be shown: without user and password."""
    scheme, _, rest = url.partition("://")
    if scheme in SENTINEL_SCHEMES:
        return f"{scheme}://…" if "@" in rest.partition("/")[2] else _shown_sentinels(url, scheme)
    parts = urlsplit(url)
    if "@" in parts.path + parts.query + parts.fragment:
        # A password with a bare '/', '?' or '#' ends up there.
        return f"{parts.scheme}://…"
    if parts.scheme == "unix":
        return parts.path
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _shown_sentinels(url: str, scheme: str) -> str:
    sentinels = sentinels_of(url)
    if sentinels is None:
        return f"{scheme}://…"
    hosts = ",".join(
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in sentinels.hosts
    )
    return f"{scheme}://{hosts}/{sentinels.service}"
