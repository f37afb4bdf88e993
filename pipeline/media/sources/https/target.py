"""Addresses of web servers: taken apart once, and what was taken apart is what is connected to.

Invariant: no two programs read an address differently, because only one does: what urllib3 gets is a host, a
port and a path, never a text to be taken apart again. What is odd is refused, not mended.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from pipeline.errors import MediaRefused
from pipeline.media.access import Access
from pipeline.media.source import refuse_dots, shown

PORTS = {"https": 443, "http": 80}
FORBIDDEN = "media_address_forbidden"

_NAME = re.compile(r"([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


class Target(NamedTuple):
    """What is asked of whom.

    Attributes:
        host: In small letters, without brackets and without a dot at its end.
        path: As it is sent, without the query.
        query: As it is sent, with the question mark; most often nothing.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def host_and_port(self) -> str:
        """The host as a header names it: with the port, unless that is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        """The whole address."""
        return f"{self.scheme}://{self.host_and_port}{self.path}{self.query}"

    def lies_below(self, root: Target) -> bool:
        """Tell whether it is the root, or lies below it."""
        folder = root.path.rstrip("/")
        is_below = self.path == folder or self.path.startswith(f"{folder}/")
        return self[:3] == root[:3] and is_below


def target_of(address: str) -> Target:
    """Take an address apart.

    Raises:
        MediaRefused: It holds what no address of media needs and may mislead.
    """
    if not address.isprintable() or "\\" in address:
        raise _refused(address, "holds a backslash or a character that cannot be printed")
    try:
        parts = urlsplit(address)
        scheme, host = parts.scheme, (parts.hostname or "").rstrip(".")
        port = PORTS.get(scheme, 0) if parts.port is None else parts.port
    except ValueError:
        raise _refused(address, "has a host or a port that is none") from None
    if scheme not in PORTS or not port:
        raise _refused(address, "is not like https://host/path")
    if "@" in parts.netloc:
        raise _refused(
            address, "names a user; a web server's password or token belongs into GONG_INGEST_MEDIA_HEADERS"
        )
    if not _is_host(parts, host):
        raise _refused(address, "has a host that is neither a plain name nor an address in the usual form")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    refuse_dots(address, parts.path)
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~")
    return Target(scheme, host, port, path, f"?{query}" if query else "")


def is_trusted(target: Target, access: Access) -> bool:
    """Tell whether a root allows the target, so that it need not be public.

    Raises:
        MediaRefused: It may not be asked at all without one.
    """
    if any(target.lies_below(target_of(root)) for root in access.addresses("https", "http")):
        return True
    what = ""
    if target.scheme != "https":
        what = "is not encrypted; use https://, or"
    elif target.port != PORTS["https"]:
        what = f"has the port {target.port} and not 443;"
    if what:
        allow = f"{target.scheme}://{target.host_and_port}/"
        raise _refused(target.text, f"{what} allow it by adding {allow} to GONG_INGEST_MEDIA_ROOTS")
    return False


def _is_host(parts: SplitResult, host: str) -> bool:
    """Tell whether it is a name, or an address that every program reads alike: not 0177.1 or 2130706433."""
    is_bracketed = "[" in parts.netloc
    if is_bracketed or _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            return ip_address(host).version == (6 if is_bracketed else 4) and "%" not in host
        except ValueError:
            return False
    return bool(_NAME.fullmatch(host)) and len(host) <= 253


def _refused(address: str, what: str) -> MediaRefused:
    return MediaRefused(FORBIDDEN, f"The address {shown(address)} {what}.")
