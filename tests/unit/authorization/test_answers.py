"""What answers of the token address mean, and what is read of them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.authorization.asking import RETRY_S, nothing_of
from pipeline.authorization.pair import LIFETIME_S, Pair, fingerprint
from pipeline.outcome import Answer

SECRET = "secret-that-was-sent"
BODY: dict[str, Any] = {"access_token": "at", "refresh_token": "rt", "expires_in": 60}


def answer(status: int = 200, **body: Any) -> Answer:
    return Answer(status, complete=True, body=body)


@pytest.mark.parametrize(
    ("status", "error", "is_refused", "is_lost"),
    [
        (400, "invalid_grant", True, True),
        (401, "invalid_grant", True, True),
        (400, None, True, True),
        (400, SECRET, True, True),
        (401, "invalid_client", True, False),
        (400, "invalid_client", True, False),
        (400, "unauthorized_client", True, False),
        (401, None, True, False),
        (403, None, True, False),
        (404, None, False, False),
        (301, None, False, False),
        (429, None, False, False),
        (500, None, False, False),
        (503, "invalid_request", False, False),
        (200, None, False, False),
    ],
)
def test_an_answer_without_tokens_is_lost_only_when_the_grant_is_refused(
    status: int, error: str | None, *, is_refused: bool, is_lost: bool
) -> None:
    nothing = nothing_of(answer(status, error=error), "app.gong.io")

    assert (nothing.is_refused, nothing.is_lost) == (is_refused, is_lost)
    assert "app.gong.io" in nothing.problem
    assert SECRET not in nothing.problem
    assert nothing.wait_s >= RETRY_S


def test_a_page_of_a_server_between_loses_nothing() -> None:
    nothing = nothing_of(Answer(400, messages=("<html>",), complete=False), "app.gong.io")

    assert (nothing.is_refused, nothing.is_lost) == (False, False)


def test_a_retry_after_is_heeded_up_to_five_minutes() -> None:
    def wait_s(text: str) -> float:
        return nothing_of(Answer(429, retry_after=text), "app.gong.io").wait_s

    assert (wait_s("60"), wait_s("86400"), wait_s("0")) == (60.0, 300.0, RETRY_S)


def test_a_pair_is_read_with_what_it_was_given_for() -> None:
    pair = Pair.from_answer(answer(**BODY, api_base_url_for_customer="https://c.api.gong.io"), used="old")

    assert pair == Pair("at", "rt", 60.0, "https://c.api.gong.io", fingerprint("old"))


def test_without_a_new_refresh_token_the_old_one_goes_on() -> None:
    pair = Pair.from_answer(answer(access_token="at"), used="old")

    assert pair == Pair("at", "old", LIFETIME_S, "", fingerprint("old"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a b"},
        {"access_token": 7},
        {"refresh_token": None},
        {"refresh_token": "a\r\nX: b"},
    ],
)
def test_what_is_no_token_is_no_pair(wrong: dict[str, Any]) -> None:
    assert Pair.from_answer(answer(**BODY | wrong), used="") is None


def test_half_an_answer_is_no_pair() -> None:
    assert Pair.from_answer(Answer(200, complete=False, body=BODY), used="") is None


@pytest.mark.parametrize("text", ["60", None, -1, 0, True, float("nan"), 1e20])
def test_a_lifetime_that_is_none_is_a_day(text: Any) -> None:
    pair = Pair.from_answer(answer(**BODY | {"expires_in": text}), used="")

    assert pair
    assert pair.lifetime_s == LIFETIME_S


def test_a_pair_shows_neither_token() -> None:
    assert "at-1" not in repr(Pair("at-1", "rt-1", 60.0))
    assert "rt-1" not in repr(Pair("at-1", "rt-1", 60.0))
