"""Who may look without a login: who is on this machine, and no page of another site in a browser on it.

Any site can give this machine a name of its own and read, as that name, whatever answers to it there. A
browser says by which name it asks, so only names that nobody else can give are answered, as by the HTTP API.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from flower.app import Flower
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

REFUSED = "Without a password Flower answers to this machine's own names only: localhost and 127.0.0.1."


class Stranger(RequestHandler):
    """What is answered to any other name, whatever is asked for."""

    def check_xsrf_cookie(self) -> None:
        """Do without: nothing is done."""

    def prepare(self) -> None:
        """Refuse it."""
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(REFUSED)


def answer_to_own_names_only() -> None:
    """Let no page answer to another name, Flower's own pages and files among them."""
    find_handler = Flower.find_handler

    def found(self: Flower, request: HTTPServerRequest, **kwargs: Any) -> Any:
        if is_own_name(request.host):
            return find_handler(self, request, **kwargs)
        return self.get_handler_delegate(request, Stranger)

    Flower.find_handler = found


def is_own_name(host: str) -> bool:
    """Tell whether a Host header names this machine by a name that nobody else can give it."""
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches an address; an empty one is every address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
