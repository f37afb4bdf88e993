"""How a request is refused: one form of body for every error, that of RFC 9457, with a code for programs.

Invariant: whatever goes wrong ends here, so no answer has another form. The codes are a contract
(docs/enqueue.md).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from pipeline.answering import problem_documents
from pipeline.errors import (
    CallInvalid,
    Conflict,
    IngestError,
    LedgerRefused,
    LedgerUnreachable,
    MediaRefused,
    Problem,
    RecordingUnknown,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
# After which a client may ask again when the ledger is out of reach, in seconds.
LEDGER_RETRY_AFTER_S = 5

# What stands for a status that the framework or the server gives by itself.
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    414: "address_too_long",
    415: "media_type_unknown",
    422: "parameter_invalid",
    431: "headers_too_large",
    500: "internal_error",
}


class Refused(Exception):
    """A request is refused.

    Attributes:
        code: One word for programs, stable.
        detail: A sentence for a person.
        problems: What is wrong, field by field.
        headers: Of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        problems: Iterable[Problem] = (),
        headers: Mapping[str, str] | None = None,
        **more: str,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.problems = tuple(problems)
        self.headers = dict(headers or {})
        self.more = more


def handle_problems(app: Flask) -> None:
    """Let every error of an application become an answer."""
    app.register_error_handler(Refused, response_of)
    app.register_error_handler(IngestError, lambda error: response_of(refused_of(error)))
    app.register_error_handler(HTTPException, lambda error: response_of(_of_framework(error)))
    app.register_error_handler(Exception, lambda error: response_of(_unexpected(error)))


def response_of(refused: Refused) -> Response:
    """Give the answer to a request that is refused."""
    return Response(body_of(refused), refused.status, refused.headers, content_type=MEDIA_TYPE)


def body_of(refused: Refused) -> str:
    """Write the body of an error."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(refused.status).phrase,
        "status": refused.status,
        "code": refused.code,
        "detail": refused.detail,
        **refused.more,
    }
    if refused.problems:
        body["problems"] = problem_documents(refused.problems)
    return json.dumps(body)


def refused_of(error: IngestError) -> Refused:
    """Say how a request is refused for what the pipeline says."""
    match error:
        case LedgerUnreachable() | LedgerRefused():
            return _of_ledger(error)
        case CallInvalid():
            return Refused(422, error.code, str(error), problems=error.problems)
        case Conflict():
            return Refused(
                409, error.code, str(error), problems=error.problems, state=error.state, batch=error.batch
            )
        case MediaRefused():
            return Refused(422, error.code, str(error), problems=[Problem("media", str(error))])
        case RecordingUnknown():
            return Refused(404, "recording_unknown", str(error))
    return _unexpected(error)


def _of_ledger(error: LedgerUnreachable | LedgerRefused) -> Refused:
    # Where the ledger's server is, and what it says, is for whoever runs it.
    log.warning("%s", error)
    headers = {"Retry-After": str(LEDGER_RETRY_AFTER_S)}
    if isinstance(error, LedgerRefused):
        return Refused(503, "ledger_refused", "The ledger refuses that; the log says why.", headers=headers)
    detail = "The ledger is out of reach, or cannot write now; ask again later."
    return Refused(503, "ledger_unreachable", detail, headers=headers)


def _of_framework(error: HTTPException) -> Refused:
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    # Where webargs refuses a parameter: by place, then by name.
    messages = getattr(error, "data", {}).get("messages", {})
    problems = [
        Problem(str(name), " ".join(map(str, texts)))
        for place in messages.values()
        for name, texts in place.items()
    ]
    detail = "; ".join(map(str, problems)) or str(error.description)
    return Refused(status, CODES.get(status, "refused"), detail, problems=problems, headers=headers)


def _unexpected(error: Exception) -> Refused:
    log.error("a request failed", exc_info=error)
    return Refused(500, CODES[500], "That should not happen: its reason stands in the server's log.")
