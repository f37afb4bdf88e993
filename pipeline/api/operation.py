"""How an operation is declared: its path, what it needs, takes and answers, in one place and so documented.

Every operation may be refused with what its declaration names, and with what concerns them all: tokens, the
ledger, a client that is too slow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flask_smorest
from marshmallow import RAISE, Schema
from werkzeug.routing import BaseConverter

from pipeline.api.document import ERROR_CONTENT
from pipeline.api.permission import allowed, security_of
from pipeline.api.tokens import Scope

View = Callable[..., Any]

REFUSALS = {
    400: "It cannot be read: cut off, or not of the form that it says it is.",
    401: "The token is missing, unknown or revoked.",
    403: "The token has not this scope.",
    404: "The ledger does not know it, or has forgotten it.",
    408: "The client took too long.",
    409: "It contradicts what the ledger has; that stays as it is.",
    413: "It is too large.",
    415: "It is of another type.",
    422: "A field or parameter is wrong; `problems` names each.",
    429: "Too many recordings wait; `Retry-After` says when there may be room.",
    503: "The ledger is out of reach, or the disk is full; nothing is known to be written.",
}
WITH_RETRY_AFTER = (429, 503)
RETRY_AFTER = {"Retry-After": {"description": "In seconds.", "schema": {"type": "integer", "minimum": 1}}}
BODY_REFUSALS = (400, 408, 413, 415, 422)


class AnyText(BaseConverter):
    """A part of a path that may hold any character, slashes too: a clientUniqueId, or a batch's name."""

    regex = r"[\s\S]+"
    part_isolating = False


def blueprint(name: str, description: str) -> Any:
    """Give the place of operations that belong together."""
    return flask_smorest.Blueprint(name, name, description=description)


def operation(  # noqa: PLR0913 - what an operation is has so many sides
    place: Any,
    route: str,
    *,
    scope: Scope | None,
    answers: Mapping[int, type[Schema]],
    refusals: Sequence[int] = (),
    query: type[Schema] | None = None,
    body: Mapping[str, Any] | None = None,
    content_type: str = "application/json",
    leads_to: Sequence[str] = (),
) -> Callable[[View], View]:
    """Declare a view.

    Args:
        place: The blueprint.
        route: Method and path, `POST /calls`.
        scope: Of the token that it needs; None if it needs none.
        answers: What it answers when all is well, the usual one first.
        refusals: Statuses by which it alone may be refused.
        query: Of its parameters; unknown ones are refused.
        body: What it takes, in OpenAPI's words.
        content_type: Of its answers.
        leads_to: Names of views that take the clientUniqueId of its answers.
    """
    method, path = route.split(" ")
    statuses = {*refusals, *((401, 403) if scope else ()), *((422,) if query else ()), 503}
    responses: dict[int, dict[str, Any]] = {status: _refusal(status) for status in sorted(statuses)}
    if leads_to:
        responses |= {status: {"links": {name: _link(name) for name in leads_to}} for status in answers}
    documented: dict[str, Any] = {"security": security_of(scope) if scope else [], "responses": responses}
    if body:
        documented["requestBody"] = {"required": True, "content": dict(body)}

    def declare(view: View) -> View:
        made = view
        (usual, schema), *others = answers.items()
        made = place.response(usual, schema, content_type=content_type)(made)
        for status, other in others:
            made = place.alt_response(status, schema=other, content_type=content_type, success=True)(made)
        if query:
            made = place.arguments(query, location="query", unknown=RAISE)(made)
        if scope:
            # Outermost, so that nothing is read for who may not.
            made = allowed(scope)(made)
        made = place.doc(operationId=view.__name__, **documented)(made)
        declared: View = place.route(path, methods=[method])(made)
        return declared

    return declare


def _link(name: str) -> dict[str, Any]:
    return {"operationId": name, "parameters": {"clientUniqueId": "$response.body#/client_unique_id"}}


def _refusal(status: int) -> dict[str, Any]:
    headers = {"headers": RETRY_AFTER} if status in WITH_RETRY_AFTER else {}
    return {"description": REFUSALS[status], "content": ERROR_CONTENT, **headers}
