"""Answers of the API: a status with its JSON, and the texts that clients have seen (`API.md`); pure.

Every answer carries a requestId of its own, which is added when it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back, and what the record notes about it.

    Attributes:
        fields: The JSON, beside the requestId.
        headers: The headers, beside the usual ones.
        page: HTML in place of the JSON, as gateways in front of an API send it.
        note: As in `record`, empty for an answer that follows from the state of the company.
    """

    status: int
    fields: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)
    page: str | None = None
    note: str = ""

    @property
    def content_type(self) -> str:
        """The Content-Type header."""
        return "application/json;charset=UTF-8" if self.page is None else "text/html"

    def body(self, request_id: str) -> bytes:
        """Return the body as it is sent."""
        if self.page is not None:
            return self.page.encode()
        return json.dumps({"requestId": request_id, **self.fields}, ensure_ascii=False).encode()


class Refused(Exception):
    """The request cannot be carried out; its answer is known before its body has been read to the end."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.fields)
        self.answer = answer


def failed(status: int, *errors: str) -> Answer:
    """Make an answer in the form of every failure: requestId and errors (openapi.json, ErrorResponse)."""
    return Answer(status, {"errors": list(errors)})


def injected(answer: Answer) -> Answer:
    """Mark an answer as the work of a fault."""
    return replace(answer, note="injected")


def call_created(call_id: str) -> Answer:
    """Answer a create that succeeded."""
    return Answer(200, {"callId": call_id})


def media_added(call_id: str) -> Answer:
    """Answer an upload that succeeded: 201, not 200 (openapi.json)."""
    return Answer(201, {"callId": call_id, "url": call_url(call_id)})


def call_url(call_id: str) -> str:
    """Return the address of the call's page."""
    return f"https://app.gong.io/call?id={call_id}"


def already_posted(status: int, client_unique_id: str, call_id: str) -> Answer:
    """Answer a clientUniqueId that was posted before."""
    return failed(
        status, f"Call with clientUniqueId {client_unique_id} has already been posted for the call {call_id}"
    )


def import_not_enabled(user_id: str) -> Answer:
    """Answer a primaryUser that is inactive or without telephony import."""
    text = f"Recording or telephony call import is not enabled for primaryUser {user_id}"
    return failed(409, text)


def already_handled(call_id: str) -> Answer:
    """Answer an upload to a call that has its media."""
    return failed(400, f"The media of the call {call_id} has already been handled")


def same_content(call_id: str) -> Answer:
    """Answer an upload of the bytes of another call."""
    text = "A media file with the same content has been uploaded in the past for another call"
    return failed(400, f"{text}. callID with the same content: {call_id}")


def download_expected(call_id: str) -> Answer:
    """Answer an upload to a call that Gong was to download."""
    return failed(
        400, f"Media cannot be added to the call {call_id}, which was created with a downloadMediaUrl"
    )


def media_too_large(limit_bytes: int) -> Answer:
    """Answer an upload that is too large."""
    return failed(413, f"The media file is larger than {limit_bytes} bytes")


def too_many_requests(retry_after_s: int) -> Answer:
    """Answer a request over a limit, with the seconds to wait."""
    return replace(failed(429, "API request limit exceeded"), headers={"Retry-After": str(retry_after_s)})


def access_denied(status: int) -> Answer:
    """Answer a request with wrong or without credentials: 401, or 403 for some endpoints."""
    return failed(status, "Access denied")


def unexpected_error() -> Answer:
    """Answer as if Gong had failed."""
    return failed(500, "Failed to complete the operation due to an unexpected error")


def gateway_timeout() -> Answer:
    """Answer as a gateway that waited too long for Gong."""
    return Answer(504, {}, page="<html><body><h1>504 Gateway Time-out</h1></body></html>")
