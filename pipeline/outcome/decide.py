"""From the result of a request to its outcome: finds the row and fills it in."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from pipeline.errors import IngestError, RecordingRefused, RequestFailed
from pipeline.outcome.answer import Answer
from pipeline.outcome.effect import MESSAGE_MAX_CHARACTERS, FleetEffect, Outcome
from pipeline.outcome.table import ANSWERS, FAILURES, Seen
from pipeline.outcome.wait import retry_after_s


def of_create(result: Answer | IngestError, *, now: datetime | None = None) -> Outcome:
    """Decide what the result of `POST /v2/calls` does.

    Args:
        result: The answer, or the error that came instead.
        now: Aware time at which the answer came; needed only for a Retry-After that is a date.

    Raises:
        TypeError: The error is not an outcome of a request, like LeaseLost.
    """
    return _of(result, None, now)


def of_upload(result: Answer | IngestError, *, call_id: str, now: datetime | None = None) -> Outcome:
    """Decide what the result of `PUT /v2/calls/{call_id}/media` does; otherwise as `of_create`."""
    return _of(result, call_id, now)


def _of(result: Answer | IngestError, own_call: str | None, now: datetime | None) -> Outcome:
    if not isinstance(result, Answer):
        return _of_failure(result)
    seen = Seen(result, own_call)
    row = next(row for row in ANSWERS if row.fits(seen))
    texts = {"status": result.status, "location": _origin(result.location)}
    waits = row.code == "rate_limited" or (
        row.fleet in {FleetEffect.COUNT_FAILURE, FleetEffect.CLOSE_UNAUTHORIZED}
        and result.retry_after is not None
    )
    return Outcome(
        effect=row.effect,
        fleet=row.fleet,
        code=row.code.format_map(texts),
        message=message_of(row.sentence.format_map(texts), *result.messages),
        request_id=result.request_id,
        call_id=row.call_id(seen),
        existing=row.existing,
        retry_after_s=retry_after_s(result.retry_after, now=now) if waits else None,
    )


def _of_failure(error: IngestError) -> Outcome:
    for row in FAILURES:
        if row.fits(error):
            code = error.code if isinstance(error, RecordingRefused | RequestFailed) else row.code
            return Outcome(row.effect, row.fleet, code, message_of(str(error)))
    raise TypeError(f"{type(error).__name__} is not the outcome of a request: {error}") from error


def _origin(location: str | None) -> str:
    """Return where a redirect points to, without path and query: these may hold secrets."""
    try:
        parts = urlsplit(location or "")
        host = parts.hostname
    except ValueError:
        return ""
    return f", pointing to {parts.scheme}://{host}" if host else ""


def message_of(sentence: str, *details: str) -> str:
    """Join what is for a person: escape what a terminal would act on, and cut to `MESSAGE_MAX_CHARACTERS`."""
    text = f"{sentence}: {'; '.join(details)}" if details else sentence
    # Longer than it may become, shorter than what a hostile server could send.
    text = text[: 2 * MESSAGE_MAX_CHARACTERS]
    text = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    return text if len(text) <= MESSAGE_MAX_CHARACTERS else text[: MESSAGE_MAX_CHARACTERS - 1] + "…"
