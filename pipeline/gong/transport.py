"""HTTP as the API needs it, out of requests: each request once, no redirect followed, no cookie kept.

From the environment it takes what companies set for every program: HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE.
It never takes credentials from there: a ~/.netrc would otherwise replace ours.
"""

from __future__ import annotations

import base64
import platform
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import InvalidProxyURL
from urllib3 import ProxyManager, Retry

from pipeline import __version__
from pipeline.errors import SettingsInvalid
from pipeline.gong.connection import POOLS, Pool

USER_AGENT = f"gong-call-ingest/{__version__} python/{platform.python_version()}"


class Credentials(AuthBase):
    """Puts the Authorization header on a request; shows nothing of it in any text."""

    def __init__(
        self, *, access_key: str | None, access_key_secret: str | None, access_token: str | None
    ) -> None:
        given = [access_key is not None, access_key_secret is not None, access_token is not None]
        if given not in ([True, True, False], [False, False, True]):
            raise SettingsInvalid(
                "The API wants an access key with its secret, or an access token; set one of them."
            )
        if access_token is not None:
            self._header = f"Bearer {_plain(access_token)}"
        else:
            pair = f"{_plain(access_key or '', forbidden=':')}:{_plain(access_key_secret or '')}"
            self._header = f"Basic {base64.b64encode(pair.encode()).decode()}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = self._header
        return request


class Transport(requests.Session):
    """A session whose requests are made once, to where they say, with what they say."""

    def __init__(self, credentials: Credentials, *, pool_size: int) -> None:
        super().__init__()
        self.auth = credentials
        self.headers.clear()
        # A compressed answer would save nothing and could unpack to any size.
        self.headers.update(
            {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"}
        )
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._adapter = _Adapter(pool_size=pool_size)
        self.mount("https://", self._adapter)
        self.mount("http://", self._adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Name none: requests reads the body of a redirect, of any size, even of one it is not to follow."""

    def once(self, request: requests.Request, *, connect_s: float) -> requests.Response:
        """Send a request and read the head of its answer; the body waits to be read."""
        prepared = self.prepare_request(request)
        return self.send(prepared, timeout=(connect_s, None), allow_redirects=False, **self._route(prepared))

    def connect(self, url: str, *, connect_s: float) -> None:
        """Open a connection to where a request for `url` would be sent, unless one is open."""
        prepared = self.prepare_request(requests.Request("GET", url))
        self._adapter.connect(prepared, self._route(prepared), connect_s=connect_s)

    def _route(self, prepared: requests.PreparedRequest) -> Any:  # keyword arguments of `send`
        """Return the proxies and certificates that the environment sets for this address."""
        return self.merge_environment_settings(prepared.url, {}, stream=True, verify=None, cert=None)


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

    def connect(
        self, request: requests.PreparedRequest, route: Mapping[str, Any], *, connect_s: float
    ) -> None:
        """Open a connection in the very pool that `send` would take for this request and route."""
        verify, cert = route["verify"], route["cert"]
        pool = self.get_connection_with_tls_context(request, verify, proxies=route["proxies"], cert=cert)
        self.cert_verify(pool, request.url, verify, cert)  # type: ignore[no-untyped-call] # so in the stubs
        cast("Pool", pool).connect_ahead(connect_s)


def _plain(secret: str, *, forbidden: str = "") -> str:
    """Return a secret that a header can carry; the error must not show it."""
    if not secret or any(not "!" <= each <= "~" or each in forbidden for each in secret):
        raise SettingsInvalid(
            "The API's access key, secret or token is empty or holds a character that no key has, like a "
            "space. Copy it anew from Gong's page of API keys."
        )
    return secret
