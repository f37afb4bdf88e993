"""What the API answered; knows nothing of the library that fetched it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered to one request.

    Attributes:
        status: HTTP status, 100 to 999.
        request_id: The API's name for the request; its support asks for it.
        call_id: Text of 1 to 20 digits, None for anything else (a number would be a breach of `API.md`).
        url: The address of the call in Gong.
        messages: The API's `errors`; for a body in another form, its beginning as text.
        retry_after: The header as it came.
        complete: The body arrived whole and is a JSON object.
        body: That object, or an empty one.
        location: Where a redirect points to; it is never followed.
        date: When it was given, on the clock of whoever gave it; the header as it came.
        renewed: It refused the credentials, and since then there are others.
    """

    status: int
    request_id: str | None = None
    call_id: str | None = None
    url: str | None = None
    messages: tuple[str, ...] = ()
    retry_after: str | None = None
    complete: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)
    location: str | None = None
    date: str | None = None
    renewed: bool = False
