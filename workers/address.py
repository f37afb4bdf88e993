"""How kombu, Celery and Flower write the server's address, and what else they need for the way there."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from pipeline.settings import Access, Settings
from pipeline.settings.access import Sentinels, is_encrypted, sentinels_of


def broker_url(redis_url: str) -> str:
    """Write the server's address as kombu and Celery know it; its database is the ledger's in any case."""
    if sentinels := sentinels_of(redis_url):
        return ";".join(_urls(sentinels))
    parts = urlsplit(redis_url)
    query = dict(parse_qsl(parts.query))
    database = query.pop("db", "")
    if parts.scheme == "unix":
        # A db would not be heeded there.
        options = urlencode(query | ({"virtual_host": database} if database else {}))
        return f"redis+socket://{parts.netloc}{parts.path}{options and '?'}{options}"
    path = f"/{database}" if database else parts.path
    return parts._replace(path=path, query=urlencode(query)).geturl()


def _urls(sentinels: Sentinels) -> list[str]:
    """Write an address for each Sentinel, with what the server itself asks for in all of them."""
    user, password = (quote(text or "", safe="") for text in (sentinels.user, sentinels.password))
    credentials = f"{user}:{password}@" if user or password else ""
    hosts = ((f"[{host}]" if ":" in host else host, port) for host, port in sentinels.hosts)
    return [f"sentinel://{credentials}{host}:{port}/{sentinels.database}" for host, port in hosts]


def server_options(settings: Settings) -> dict[str, Any]:
    """Give what kombu, Celery and Flower need for the way to the server, beside its address.

    Raises:
        SettingsInvalid: A file with a certificate cannot be used.
    """
    address, access = str(settings.redis_url), Access.of(settings)
    if not is_encrypted(address):
        return {}
    options = access.tls_options()
    return {"broker_use_ssl": options, "redis_backend_use_ssl": options}


def transport_options(settings: Settings) -> dict[str, Any]:
    """Give what both the broker and the store of results are told of keys and of Sentinels.

    Raises:
        SettingsInvalid: A file with a certificate cannot be used.
    """
    # One server may carry several pipelines, and other things.
    options: dict[str, Any] = {"global_keyprefix": f"{settings.namespace}:celery:"}
    if sentinels := sentinels_of(str(settings.redis_url)):
        asking = Access.of(settings).sentinel_options(is_encrypted=sentinels.is_encrypted)
        # A Sentinel that is away is left out for the next one.
        timeouts = {"socket_timeout": 2.0, "socket_connect_timeout": 2.0}
        options |= {"master_name": sentinels.service, "sentinel_kwargs": asking | timeouts}
    return options
