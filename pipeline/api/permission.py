"""Who may do what: each operation asks for a scope, before anything of the request's body is read.

Without a file of tokens a server on this machine alone is open to whoever is on it. A browser on it is asked
to do things by any page it shows, so then nothing is done for a page of another site, nor for a name of this
machine that somebody else gave it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Request, current_app, request

from pipeline.api.problem import Refused
from pipeline.api.tokens import Scope, Tokens
from pipeline.errors import SettingsInvalid

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

EXTENSION = "gong-ingest-tokens"
# Where the name of a request's token stands for the log.
HOLDER = "gong_ingest.token"
BEARER = "Bearer "


def allowed(scope: Scope) -> Callable[[Callable[Given, Answer]], Callable[Given, Answer]]:
    """Let an operation be done only with a token of this scope."""

    def decorate(view: Callable[Given, Answer]) -> Callable[Given, Answer]:
        @functools.wraps(view)
        def permitted(*arguments: Given.args, **named: Given.kwargs) -> Answer:
            check(request, current_app.extensions[EXTENSION], scope)
            return view(*arguments, **named)

        return permitted

    return decorate


def check(asked: Request, tokens: Tokens, scope: Scope) -> None:
    """Refuse a request that shows no token of this scope, where one is required.

    Raises:
        Refused: 401 without a token that is known, 403 without the scope or from a page of another site.
    """
    try:
        if not tokens.are_required():
            _check_origin(asked)
            return
        shown = asked.headers.get("Authorization", "")
        token = tokens.holder(shown[len(BEARER) :].strip()) if shown.startswith(BEARER) else None
    except SettingsInvalid as error:
        raise Refused(503, "tokens_unreadable", "The server cannot read its tokens.") from error
    if token is None:
        what = "is unknown, or was revoked" if shown else "is missing: Authorization: Bearer …"
        raise Refused(
            401,
            "token_refused",
            f"The token {what}.",
            headers={"WWW-Authenticate": 'Bearer realm="gong-ingest"'},
        )
    asked.environ[HOLDER] = token.name
    if scope not in token.scopes:
        challenge = f'Bearer realm="gong-ingest", error="insufficient_scope", scope="{scope}"'
        raise Refused(
            403,
            "scope_missing",
            f"The token {token.name!r} has not the scope {scope.value!r}.",
            headers={"WWW-Authenticate": challenge},
        )


def _check_origin(asked: Request) -> None:
    host = asked.headers.get("Host", "")
    origin = asked.headers.get("Origin")
    if not _is_here(host):
        raise Refused(
            403, "origin_refused", "Without tokens this server answers to this machine's own names only."
        )
    if origin is not None and urlsplit(origin).netloc != host:
        raise Refused(
            403, "origin_refused", "Without tokens this server does nothing for pages of other sites."
        )


def _is_here(host: str) -> bool:
    """Tell whether a Host header names this machine by a name that nobody else can give it."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def security_of(scope: Scope) -> list[dict[str, Any]]:
    """Say in OpenAPI's words which scope an operation needs."""
    return [{"token": [scope.value]}]
