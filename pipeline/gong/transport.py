"""HTTP as the API needs it, out of requests: each request once, no redirect followed, no cookie kept.

From the environment it takes what companies set for every program: HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE.
It never takes credentials from there: a ~/.netrc would otherwise replace ours.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from types import MappingProxyType
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import InvalidProxyURL
from urllib3 import ProxyManager, Retry
from urllib3.connection import port_by_scheme
from urllib3.util import parse_url
from urllib3.util.proxy import connection_requires_http_tunnel

from pipeline import __version__
from pipeline.gong.connection import POOLS, Pool
from pipeline.gong.incoming import Incoming

NONE: Mapping[str, str] = MappingProxyType({})
USER_AGENT = f"gong-call-ingest/{__version__} python/{platform.python_version()}"


class Unsigned(AuthBase):
    """Puts no credentials on a request: who makes it does, for each anew. Without one a ~/.netrc would."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave it as it is."""
        return request


@dataclass(frozen=True, slots=True, eq=False)
class _Route:
    """The way to an address, as requests finds it: by its proxies, certificates and credentials.

    Attributes:
        target: What a request for the very address asks for.
        headers: Of every request; with the credentials.
    """

    pool: Pool
    target: str
    headers: Mapping[str, str] = field(repr=False)


class Transport(requests.Session):
    """A session whose requests are made once, to where they say, with what they say.

    It finds the way to an address once, and sends straight into the pool of connections that it found: to
    find it anew and to put each request together took a third of the processor time of a small upload.
    """

    def __init__(self, credentials: AuthBase, *, pool_size: int) -> None:
        super().__init__()
        self.auth = credentials
        self.headers.clear()
        # A compressed answer would save nothing and could unpack to any size.
        self.headers.update(
            {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"}
        )
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._routes: dict[str, _Route] = {}
        self._adapter = _Adapter(pool_size=pool_size)
        self.mount("https://", self._adapter)
        self.mount("http://", self._adapter)

    @contextmanager
    def once(  # noqa: PLR0913 # a request has as many parts
        self,
        method: str,
        address: str,
        path: str = "",
        *,
        headers: Mapping[str, str] = NONE,
        body: bytes | Iterable[bytes] = b"",
        connect_s: float,
    ) -> Iterator[Incoming]:
        """Send a request and read the head of its answer; the body waits to be read.

        The length of a body is among the headers. A redirect is an answer like any other. What is left of an
        answer at the end is not waited for. What is asked for is the path below the address, or without one
        the address itself; there are few addresses, whose ways are kept.

        Raises:
            RequestException: As requests raises it for an address that is none.
            HTTPError, OSError: As urllib3 and the connection raise them.
        """
        route = self._route(address)
        target = route.target.rstrip("/") + path if path else route.target
        asking = route.pool.ask(
            method, target, headers={**route.headers, **headers}, body=body, connect_s=connect_s
        )
        with asking as answer:
            yield answer

    def connect(self, address: str, *, connect_s: float) -> None:
        """Open a connection to where a request would be sent, unless one is open."""
        self._route(address).pool.connect_ahead(connect_s)

    def close(self) -> None:
        """Close the connections."""
        self._routes.clear()
        super().close()

    def _route(self, address: str) -> _Route:
        route = self._routes.get(address)
        if route is None:
            prepared = self.prepare_request(requests.Request("GET", address))
            settings = self.merge_environment_settings(prepared.url, {}, stream=True, verify=None, cert=None)
            route = self._routes[address] = self._adapter.route(prepared, settings)
        return route


class _Adapter(HTTPAdapter):
    """Lends requests our pools, and never asks twice."""

    def __init__(self, *, pool_size: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=pool_size, max_retries=Retry(0, read=False))
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: object) -> ProxyManager:
        """Return the pools for a proxy.

        Raises:
            InvalidProxyURL: It is a SOCKS proxy, whose connections are not ours to watch.
        """
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        if not isinstance(manager, ProxyManager):
            raise InvalidProxyURL("a SOCKS proxy is not supported")
        manager.pool_classes_by_scheme = POOLS
        return manager

    def route(self, request: requests.PreparedRequest, settings: Mapping[str, Any]) -> _Route:
        """Take the way that `send` would take for a request with these proxies and certificates."""
        verify, cert, proxies = settings["verify"], settings["cert"], settings["proxies"]
        pool = cast("Pool", self.get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert))
        self.cert_verify(pool, request.url, verify, cert)  # type: ignore[no-untyped-call] # so in the stubs
        headers = {"Host": _host_of(request.url or ""), **request.headers}
        if not connection_requires_http_tunnel(pool.proxy, pool.proxy_config, pool.scheme):
            headers |= pool.proxy_headers
        return _Route(
            pool=pool,
            target=self.request_url(request, proxies),
            headers=headers,
        )


def _host_of(address: str) -> str:
    """Give the host as the header has it, with its port where that is not the scheme's own."""
    parts = parse_url(address)
    is_usual = parts.port in {None, port_by_scheme.get(parts.scheme or "")}
    return parts.host or "" if is_usual else f"{parts.host}:{parts.port}"
