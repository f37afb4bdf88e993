"""A request to the API as a span: which one, to whom, what was answered. No header, no query, no body."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from pipeline import tracing
from pipeline.outcome import Answer


def traced(method: str, base_url: str, path: str) -> AbstractContextManager[str]:
    """Let a request be a span, if this thread is in one; ids of calls stand in its path, not in its name."""
    if not tracing.is_in_one():
        return tracing.NONE
    route = path.partition("?")[0]
    address = urlsplit(base_url)
    about: tracing.About = {
        "http.request.method": method,
        "server.address": address.hostname or "",
        "server.port": address.port or (443 if address.scheme == "https" else 80),
        "url.path": route,
    }
    return tracing.span(f"{method} {re.sub(r'/[0-9]+', '/{id}', route)}".strip(), "client", about)


def tell_answer(answer: Answer) -> None:
    """Say what was answered."""
    tracing.tell({"http.response.status_code": answer.status, "request_id": answer.request_id})
