"""The table: DESIGN.md's "What each answer does", row by row.

The rows are tried in order, the first that fits decides, and the last row of `ANSWERS` fits any answer.
Between 400 and 409 the words decide, not the status (`API.md`: some saw the one where others saw the other).
A call's id is read only from an answer that arrived whole: a text that was cut off could end in half an id.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.errors import IngestError, MediaUnavailable, RecordingRefused, RequestFailed
from pipeline.outcome.answer import Answer
from pipeline.outcome.effect import Effect, FleetEffect

_ALREADY_POSTED = re.compile(
    r"already been posted for the call\W{0,3}(\d{1,20})(?!\d)", re.ASCII | re.IGNORECASE
)
_ALREADY_HANDLED = re.compile(r"has already been handled", re.IGNORECASE)
_SAME_CONTENT = re.compile(r"same content", re.IGNORECASE)
_SAME_CONTENT_CALL = re.compile(
    r"call ?id with the same content\W{0,3}(\d{1,20})(?!\d)", re.ASCII | re.IGNORECASE
)
_NOT_ENABLED = re.compile(r"not enabled for primary ?user", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer beside what was asked; `own_call` is None for a create."""

    answer: Answer
    own_call: str | None

    @property
    def uploading(self) -> bool:
        """Tell whether media was sent."""
        return self.own_call is not None

    @property
    def refused_in_words(self) -> bool:
        """Tell whether this is a refusal whose words may be trusted to the last digit."""
        return self.answer.status in (400, 409) and self.answer.complete

    @property
    def from_the_api(self) -> bool:
        """Tell whether the body has the form of the API's errors (`openapi.json`: ErrorResponse)."""
        return self.answer.complete and not {"requestId", "errors"}.isdisjoint(self.answer.body)

    def says(self, pattern: re.Pattern[str]) -> bool:
        """Tell whether the words of a refusal match."""
        return self.refused_in_words and any(map(pattern.search, self.answer.messages))

    def call_named_by(self, pattern: re.Pattern[str]) -> str | None:
        """Return the last id that the words name; one before it may be an echo of the call's own title."""
        found = [number for text in self.answer.messages for number in pattern.findall(text)]
        return str(found[-1]) if found and self.refused_in_words else None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: which answers it fits and what they do. `{status}` in texts is filled in."""

    code: str
    fits: Callable[[Seen], bool]
    effect: Effect
    fleet: FleetEffect
    sentence: str
    call_id: Callable[[Seen], str | None] = lambda _: None
    existing: bool = False


def _succeeded(seen: Seen) -> bool:
    """Tell whether the step is done: 200 or 201 with a call's id, which for an upload is its own call's."""
    answer = seen.answer
    named = answer.complete and answer.call_id is not None
    return answer.status in (200, 201) and named and seen.own_call in (None, answer.call_id)


def _own_content(seen: Seen) -> bool:
    return seen.uploading and seen.own_call == seen.call_named_by(_SAME_CONTENT_CALL)


def _not_the_api(seen: Seen) -> bool:
    """Tell whether something else than the API answered, as when GONG_BASE_URL names another server.

    A redirect, a proxy that wants a password (407), a server that knows no such host (421), or a 404, 405 or
    501 in words that are not the API's. A wrong setting must not turn every job into a dead letter.
    """
    status = seen.answer.status
    return (
        300 <= status < 400 or status in (407, 421) or (status in (404, 405, 501) and not seen.from_the_api)
    )


ANSWERS: tuple[Row, ...] = (
    Row(
        "recorded",
        _succeeded,
        Effect.RECORDED,
        FleetEffect.NONE,
        "Done",
        call_id=lambda seen: seen.answer.call_id,
    ),
    Row(
        "already_posted",
        lambda seen: not seen.uploading and seen.call_named_by(_ALREADY_POSTED) is not None,
        Effect.RECORDED,
        FleetEffect.NONE,
        "The call was there already",
        call_id=lambda seen: seen.call_named_by(_ALREADY_POSTED),
        existing=True,
    ),
    Row(
        "already_handled",
        lambda seen: seen.uploading and seen.says(_ALREADY_HANDLED),
        Effect.RECORDED,
        FleetEffect.NONE,
        "The media was there already",
        call_id=lambda seen: seen.own_call,
        existing=True,
    ),
    Row(
        "same_content",
        _own_content,
        Effect.RECORDED,
        FleetEffect.NONE,
        "The media was there already",
        call_id=lambda seen: seen.own_call,
        existing=True,
    ),
    Row(
        "duplicate_content",
        lambda seen: seen.uploading and seen.says(_SAME_CONTENT),
        Effect.DEAD,
        FleetEffect.NONE,
        "The same media is already there under another call; check which recording it belongs to",
        call_id=lambda seen: seen.call_named_by(_SAME_CONTENT_CALL),
    ),
    Row(
        "primary_user_not_enabled",
        lambda seen: seen.says(_NOT_ENABLED),
        Effect.DEAD,
        FleetEffect.NONE,
        "Enable the import of recordings for this primaryUser in Gong, then retry",
    ),
    Row(
        "unauthorized",
        lambda seen: seen.answer.status in (401, 403),
        Effect.SNOOZED,
        FleetEffect.CLOSE_UNAUTHORIZED,
        "The API refuses the access key or token ({status}); check it and its scopes",
    ),
    Row(
        "rate_limited",
        lambda seen: seen.answer.status == 429,
        Effect.SNOOZED,
        FleetEffect.CLOSE_RETRY_AFTER,
        "The API's limit of requests is reached (429)",
    ),
    Row(
        "wrong_address",
        _not_the_api,
        Effect.SNOOZED,
        FleetEffect.CLOSE_WRONG_ADDRESS,
        "This was not answered by Gong's API ({status}{location}); check GONG_BASE_URL and any proxy between",
    ),
    Row(
        "server_error",
        lambda seen: 500 <= seen.answer.status < 600,
        Effect.BACKOFF,
        FleetEffect.COUNT_FAILURE,
        "The API failed ({status})",
    ),
    Row(
        "too_slow",
        lambda seen: seen.answer.status in (408, 425),
        Effect.BACKOFF,
        FleetEffect.COUNT_FAILURE,
        "The API did not wait for the whole request ({status})",
    ),
    Row(
        "answer_unclear",
        lambda seen: (
            seen.answer.status // 100 == 2 or (seen.answer.status in (400, 409) and not seen.from_the_api)
        ),
        Effect.UNKNOWN,
        FleetEffect.COUNT_FAILURE,
        "The answer ({status}) was cut off or does not say what happened; asking again will tell",
    ),
    Row(
        "rejected_{status}",
        lambda seen: 400 <= seen.answer.status < 500,
        Effect.DEAD,
        FleetEffect.NONE,
        "The API refused the request ({status})",
    ),
    Row(
        "unexpected_status",
        lambda _: True,
        Effect.UNKNOWN,
        FleetEffect.COUNT_FAILURE,
        "The answer has a status that HTTP gives no meaning to ({status})",
    ),
)


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One row for what came instead of an answer; an error with a code of its own keeps that."""

    code: str
    fits: Callable[[IngestError], bool]
    effect: Effect
    fleet: FleetEffect


FAILURES: tuple[FailureRow, ...] = (
    FailureRow(
        "recording_refused",
        lambda error: isinstance(error, RecordingRefused),
        Effect.DEAD,
        FleetEffect.NONE,
    ),
    FailureRow(
        "media_unavailable",
        lambda error: isinstance(error, MediaUnavailable),
        Effect.BACKOFF,
        FleetEffect.NONE,
    ),
    FailureRow(
        "answer_lost",
        lambda error: isinstance(error, RequestFailed) and error.sent,
        Effect.UNKNOWN,
        FleetEffect.COUNT_FAILURE,
    ),
    FailureRow(
        "nothing_sent",
        lambda error: isinstance(error, RequestFailed) and not error.sent,
        Effect.BACKOFF,
        FleetEffect.COUNT_FAILURE,
    ),
)
