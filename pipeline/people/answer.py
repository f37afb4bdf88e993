"""What each answer of `GET /v2/users` does, beside what every request's answer does (`outcome`). Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.errors import RequestFailed
from pipeline.outcome import Answer, Effect, FleetEffect, Outcome, of_create
from pipeline.outcome.decide import message_of
from pipeline.people.user import User, users_of

UNREADABLE = "users_unreadable"
_NEEDED = "email addresses in primaryUser and userId need the list of users"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of users, and the cursor of the next one; empty on the last."""

    users: tuple[User, ...]
    cursor: str


def page_of(
    result: Answer | RequestFailed,
    *,
    key_works: bool,
    is_needed: bool = True,
    now: datetime | None = None,
) -> Page | Outcome:
    """Read a page, or decide what the answer that is none does.

    Args:
        result: The answer, or the failure that came instead.
        key_works: Whether the API has taken these credentials for something else. The list answers 403 to
            a key that lacks its scope, and documents no 401 for a key that is wrong (`openapi.json`).
        is_needed: Whether recordings wait for the list. For who only wants to know, a 403 may be about the
            list alone, and a key or an address that are wrong about this machine: no gate is closed for
            them, and they are no refusal for those who need the list.
        now: Aware time at which the answer came; needed only for a Retry-After that is a date.
    """
    if not isinstance(result, Answer):
        return _kept_from(of_create(result, now=now), is_needed=is_needed)
    listed = result.body.get("users")
    if result.status == 200 and result.complete and isinstance(listed, list):
        return Page(tuple(users_of(listed)), _cursor(result))
    if result.status == 403:
        return _refused(result, key_works=key_works) if is_needed else _not_told(result)
    # No answer about users creates a call, whatever it says.
    outcome = of_create(replace(result, call_id=None), now=now)
    if outcome.effect is not Effect.DEAD:
        return _kept_from(outcome, is_needed=is_needed)
    message = message_of(f"The list of users cannot be read, and {_NEEDED}", outcome.message)
    return replace(outcome, code=UNREADABLE, message=message)


def _kept_from(outcome: Outcome, *, is_needed: bool) -> Outcome:
    """Let what may be wrong on this machine alone stop nobody else, when nobody waits for the list."""
    of_machine = outcome.fleet in {FleetEffect.CLOSE_UNAUTHORIZED, FleetEffect.CLOSE_WRONG_ADDRESS}
    return replace(outcome, fleet=FleetEffect.NONE) if of_machine and not is_needed else outcome


def _cursor(answer: Answer) -> str:
    records = answer.body.get("records")
    cursor = records.get("cursor") if isinstance(records, dict) else None
    return cursor if isinstance(cursor, str) and cursor.isprintable() else ""


def _refused(answer: Answer, *, key_works: bool) -> Outcome:
    """Close the gate for a key that may be wrong altogether; else only these recordings cannot go on."""
    advice = "give the key the scope api:users:read, then retry; or give ids instead"
    if not key_works:
        advice = f"check the key, and {advice}"
    sentence = f"The API refuses the list of users (403), and {_NEEDED}; {advice}"
    return Outcome(
        Effect.DEAD if key_works else Effect.SNOOZED,
        FleetEffect.NONE if key_works else FleetEffect.CLOSE_UNAUTHORIZED,
        UNREADABLE if key_works else "unauthorized",
        message_of(sentence, *answer.messages),
        request_id=answer.request_id,
    )


def _not_told(answer: Answer) -> Outcome:
    return Outcome(
        Effect.SNOOZED,
        FleetEffect.NONE,
        UNREADABLE,
        message_of(
            "The API refuses the list of users (403); check the key, and give it the scope api:users:read",
            *answer.messages,
        ),
        request_id=answer.request_id,
    )
