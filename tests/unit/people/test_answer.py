"""What each answer of the list of users does."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import RequestFailed
from pipeline.outcome import MESSAGE_MAX_CHARACTERS, Answer, Effect, FleetEffect, Outcome
from pipeline.people import Page, page_of
from tests.unit.people.users import make_fields, make_user


def answer(status: int = 200, *messages: str, complete: bool = True, **body: Any) -> Answer:
    errors = {"errors": list(messages)} if messages else {}
    return Answer(status, request_id="r1", messages=messages, complete=complete, body=body | errors)


def outcome_of(result: Answer | RequestFailed, *, key_works: bool = True) -> Outcome:
    outcome = page_of(result, key_works=key_works)
    assert isinstance(outcome, Outcome)
    return outcome


def test_a_page_is_read_with_the_cursor_of_the_next() -> None:
    result = answer(users=[make_fields(7), make_fields(8)], records={"cursor": "abc", "totalRecords": 263})

    assert page_of(result, key_works=False) == Page((make_user(7), make_user(8)), "abc")


@pytest.mark.parametrize("records", [None, {}, {"cursor": None}, {"cursor": ""}, {"cursor": 7}, [], "x"])
def test_a_page_without_a_cursor_is_the_last(records: object) -> None:
    assert page_of(answer(users=[], records=records), key_works=False) == Page((), "")


@pytest.mark.parametrize(
    "result",
    [answer(), answer(users=None), answer(users={}), answer(complete=False), answer(callId="7")],
    ids=str,
)
def test_a_success_without_a_list_is_asked_again(result: Answer) -> None:
    outcome = outcome_of(result)

    assert (outcome.effect, outcome.fleet) == (Effect.UNKNOWN, FleetEffect.COUNT_FAILURE)


def test_a_call_id_in_the_answer_is_not_taken_for_a_page() -> None:
    assert outcome_of(Answer(200, call_id="7", complete=True)).effect is Effect.UNKNOWN


def test_a_key_that_works_and_lacks_the_scope_is_told_of_it() -> None:
    outcome = outcome_of(answer(403, "Access denied"), key_works=True)

    assert (outcome.effect, outcome.fleet) == (Effect.DEAD, FleetEffect.NONE)
    assert (outcome.code, outcome.request_id) == ("users_unreadable", "r1")
    assert "api:users:read" in outcome.message
    assert outcome.message.endswith(": Access denied")


@pytest.mark.parametrize("key_works", [True, False])
def test_for_who_only_wants_to_know_a_refusal_is_about_the_list_alone(key_works: bool) -> None:
    outcome = page_of(answer(403, "Access denied"), key_works=key_works, is_needed=False)

    assert isinstance(outcome, Outcome)
    assert (outcome.effect, outcome.fleet) == (Effect.SNOOZED, FleetEffect.NONE)
    assert outcome.code == "users_unreadable"
    assert outcome.message.endswith("give it the scope api:users:read: Access denied")


def test_a_key_that_may_be_wrong_altogether_closes_the_gate() -> None:
    outcome = outcome_of(answer(403, "Access denied"), key_works=False)

    assert (outcome.effect, outcome.fleet) == (Effect.SNOOZED, FleetEffect.CLOSE_UNAUTHORIZED)
    assert "api:users:read" in outcome.message
    assert "check the key" in outcome.message


@pytest.mark.parametrize(
    ("status", "effect", "fleet"),
    [
        (401, Effect.SNOOZED, FleetEffect.CLOSE_UNAUTHORIZED),
        (429, Effect.SNOOZED, FleetEffect.CLOSE_RETRY_AFTER),
        (500, Effect.BACKOFF, FleetEffect.COUNT_FAILURE),
        (302, Effect.SNOOZED, FleetEffect.CLOSE_WRONG_ADDRESS),
        (400, Effect.DEAD, FleetEffect.NONE),
    ],
)
def test_every_other_answer_does_what_it_does_to_any_request(
    status: int, effect: Effect, fleet: FleetEffect
) -> None:
    outcome = outcome_of(answer(status, "no"))

    assert (outcome.effect, outcome.fleet) == (effect, fleet)


def test_a_refusal_says_what_the_list_is_needed_for_and_stays_short() -> None:
    outcome = outcome_of(answer(400, "x" * 1000))

    assert outcome.code == "users_unreadable"
    assert "primaryUser" in outcome.message
    assert len(outcome.message) == MESSAGE_MAX_CHARACTERS


def test_a_failure_is_waited_for() -> None:
    outcome = outcome_of(RequestFailed("timed_out", "No answer.", sent=True))

    assert (outcome.code, outcome.fleet) == ("timed_out", FleetEffect.COUNT_FAILURE)
