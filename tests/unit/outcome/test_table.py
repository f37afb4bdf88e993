"""The table, row by row, on both requests; and that it has a row for everything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import (
    CallInvalid,
    IngestError,
    LeaseLost,
    LedgerUnreachable,
    ManifestUnreadable,
    MediaRefused,
    MediaUnavailable,
    Problem,
    RequestFailed,
    SettingsInvalid,
)
from pipeline.outcome import (
    MESSAGE_MAX_CHARACTERS,
    Answer,
    Effect,
    FleetEffect,
    Outcome,
    of_create,
    of_upload,
)
from pipeline.outcome.table import ANSWERS

OWN = "7782342274025937895"
OTHER = "00000000000000000042"

POSTED = f"The call with clientUniqueId 'x' has already been posted for the call {OWN}"
HANDLED = f"Recording for call {OWN} has already been handled"
SAME = "A media file with the same content has been uploaded in the past. callID with the same content: "
DISABLED = "Recording or telephony call import is not enabled for primaryUser 234599484848423"


def make_answer(status: int, *messages: str, **overrides: Any) -> Answer:
    """Build an answer in the API's form."""
    fields: dict[str, Any] = {
        "request_id": "4al0",
        "messages": messages,
        "complete": True,
        "body": {"requestId": "4al0", "errors": list(messages)},
    }
    return Answer(status, **(fields | overrides))


def make_strange(status: int, **overrides: Any) -> Answer:
    """Build an answer that is not the API's: whole or not, it is no JSON object."""
    return Answer(status, messages=("<html>",), **overrides)


RECORDED, UNKNOWN, DEAD, SNOOZED, BACKOFF = Effect
NONE, RETRY_AFTER, UNAUTHORIZED, WRONG_ADDRESS, COUNT = FleetEffect

BOTH = [
    # refused credentials, limits, failures of the server
    (make_answer(401), SNOOZED, UNAUTHORIZED, "unauthorized"),
    (make_answer(403, "scope"), SNOOZED, UNAUTHORIZED, "unauthorized"),
    (make_strange(401), SNOOZED, UNAUTHORIZED, "unauthorized"),
    (make_answer(429), SNOOZED, RETRY_AFTER, "rate_limited"),
    (make_strange(429), SNOOZED, RETRY_AFTER, "rate_limited"),
    (make_answer(500), BACKOFF, COUNT, "server_error"),
    (make_strange(502), BACKOFF, COUNT, "server_error"),
    (make_strange(503), BACKOFF, COUNT, "server_error"),
    (make_strange(599), BACKOFF, COUNT, "server_error"),
    (make_strange(408), BACKOFF, COUNT, "too_slow"),
    (make_answer(425), BACKOFF, COUNT, "too_slow"),
    # somebody else than the API
    *[
        (make_strange(status), SNOOZED, WRONG_ADDRESS, "wrong_address")
        for status in (300, 301, 302, 304, 307, 399)
    ],
    (make_answer(308), SNOOZED, WRONG_ADDRESS, "wrong_address"),
    (make_strange(404), SNOOZED, WRONG_ADDRESS, "wrong_address"),
    (make_strange(405), SNOOZED, WRONG_ADDRESS, "wrong_address"),
    (make_strange(501), SNOOZED, WRONG_ADDRESS, "wrong_address"),
    (make_answer(501), BACKOFF, COUNT, "server_error"),
    (make_answer(404, body={"message": "no route"}), SNOOZED, WRONG_ADDRESS, "wrong_address"),
    (make_strange(407), SNOOZED, WRONG_ADDRESS, "wrong_address"),
    (make_strange(421), SNOOZED, WRONG_ADDRESS, "wrong_address"),
    # refusals that only a person can settle
    (make_answer(409, DISABLED), DEAD, NONE, "primary_user_not_enabled"),
    (make_answer(400, DISABLED), DEAD, NONE, "primary_user_not_enabled"),
    (make_answer(400, "bad email"), DEAD, NONE, "rejected_400"),
    (make_answer(400), DEAD, NONE, "rejected_400"),
    (make_answer(409, "other"), DEAD, NONE, "rejected_409"),
    (make_answer(404, "no such call"), DEAD, NONE, "rejected_404"),
    (make_answer(405, "no"), DEAD, NONE, "rejected_405"),
    (make_strange(413), DEAD, NONE, "rejected_413"),
    (make_answer(415), DEAD, NONE, "rejected_415"),
    (make_answer(422), DEAD, NONE, "rejected_422"),
    (make_answer(499), DEAD, NONE, "rejected_499"),
    # answers that do not say what happened
    (make_answer(200), UNKNOWN, COUNT, "answer_unclear"),
    (make_strange(201), UNKNOWN, COUNT, "answer_unclear"),
    (make_answer(204), UNKNOWN, COUNT, "answer_unclear"),
    (make_answer(202, call_id=OWN), UNKNOWN, COUNT, "answer_unclear"),
    (make_answer(200, call_id=OWN, complete=False), UNKNOWN, COUNT, "answer_unclear"),
    (make_strange(400), UNKNOWN, COUNT, "answer_unclear"),
    (make_strange(409), UNKNOWN, COUNT, "answer_unclear"),
    (make_answer(400, POSTED, complete=False), UNKNOWN, COUNT, "answer_unclear"),
    (make_answer(400, HANDLED, complete=False), UNKNOWN, COUNT, "answer_unclear"),
    (make_answer(100), UNKNOWN, COUNT, "unexpected_status"),
    (make_answer(103), UNKNOWN, COUNT, "unexpected_status"),
    (make_answer(600), UNKNOWN, COUNT, "unexpected_status"),
    (make_answer(999), UNKNOWN, COUNT, "unexpected_status"),
    # no answer at all
    (MediaRefused("media_empty", "empty"), DEAD, NONE, "media_empty"),
    (CallInvalid((Problem("title", "no"),)), DEAD, NONE, "call_invalid"),
    (MediaUnavailable("share"), BACKOFF, NONE, "media_unavailable"),
    (RequestFailed("connect_failed", "no", sent=False), BACKOFF, COUNT, "connect_failed"),
    (RequestFailed("tls_failed", "no", sent=False), BACKOFF, COUNT, "tls_failed"),
    (RequestFailed("timed_out", "no", sent=True), UNKNOWN, COUNT, "timed_out"),
    (RequestFailed("connection_lost", "no", sent=True), UNKNOWN, COUNT, "connection_lost"),
]

CREATE = [
    (make_answer(200, call_id=OWN), RECORDED, NONE, "recorded", OWN, False),
    (make_answer(201, call_id="1"), RECORDED, NONE, "recorded", "1", False),
    (make_answer(400, POSTED), RECORDED, NONE, "already_posted", OWN, True),
    (make_answer(409, POSTED), RECORDED, NONE, "already_posted", OWN, True),
    (make_answer(400, "first", POSTED.upper() + "."), RECORDED, NONE, "already_posted", OWN, True),
    (make_answer(400, f"{POSTED[:-20]} '{OTHER}'"), RECORDED, NONE, "already_posted", OTHER, True),
    # an echo of the title comes before the API's own words
    (make_answer(400, f"'posted for the call 1' has {POSTED}"), RECORDED, NONE, "already_posted", OWN, True),
    (
        make_answer(400, f"'already been posted for the call 1': {POSTED}"),
        RECORDED,
        NONE,
        "already_posted",
        OWN,
        True,
    ),
    # words without an id that can be one
    (make_answer(400, "has already been posted for the call "), DEAD, NONE, "rejected_400", None, False),
    (
        make_answer(400, f"already been posted for the call {'1' * 21}"),
        DEAD,
        NONE,
        "rejected_400",
        None,
        False,
    ),
    (make_answer(422, POSTED), DEAD, NONE, "rejected_422", None, False),
    # words of the other request
    (make_answer(400, HANDLED), DEAD, NONE, "rejected_400", None, False),
    (make_answer(400, SAME + OWN), DEAD, NONE, "rejected_400", None, False),
]

UPLOAD = [
    (make_answer(201, call_id=OWN), RECORDED, NONE, "recorded", OWN, False),
    (make_answer(200, call_id=OWN), RECORDED, NONE, "recorded", OWN, False),
    (make_answer(201, call_id=OTHER), UNKNOWN, COUNT, "answer_unclear", None, False),
    (make_answer(400, HANDLED), RECORDED, NONE, "already_handled", OWN, True),
    (make_answer(409, HANDLED), RECORDED, NONE, "already_handled", OWN, True),
    (make_answer(400, SAME + OWN), RECORDED, NONE, "same_content", OWN, True),
    (make_answer(400, SAME + OTHER), DEAD, NONE, "duplicate_content", OTHER, False),
    (make_answer(409, SAME + OTHER), DEAD, NONE, "duplicate_content", OTHER, False),
    (make_answer(400, SAME + OWN + "1"), DEAD, NONE, "duplicate_content", OWN + "1", False),
    (make_answer(400, SAME), DEAD, NONE, "duplicate_content", None, False),
    (make_answer(400, POSTED), DEAD, NONE, "rejected_400", None, False),
]


def name_of(value: object) -> str | None:
    if isinstance(value, Answer):
        return f"{value.status}{'' if value.complete else ' strange'} {' '.join(value.messages)[:40]}"
    return repr(value) if isinstance(value, IngestError) else None


@pytest.mark.parametrize(("result", "effect", "fleet", "code"), BOTH, ids=name_of)
def test_row_of_both_requests(
    result: Answer | IngestError, effect: Effect, fleet: FleetEffect, code: str
) -> None:
    for outcome in (of_create(result), of_upload(result, call_id=OWN)):
        assert (outcome.effect, outcome.fleet, outcome.code) == (effect, fleet, code)
        assert outcome.call_id is None
        assert not outcome.existing


def facts_of(outcome: Outcome) -> tuple[object, ...]:
    assert outcome.request_id == "4al0"
    return outcome.effect, outcome.fleet, outcome.code, outcome.call_id, outcome.existing


@pytest.mark.parametrize(("answer", "facts"), [(row[0], row[1:]) for row in CREATE], ids=name_of)
def test_row_of_create(answer: Answer, facts: tuple[object, ...]) -> None:
    assert facts_of(of_create(answer)) == facts


@pytest.mark.parametrize(("answer", "facts"), [(row[0], row[1:]) for row in UPLOAD], ids=name_of)
def test_row_of_upload(answer: Answer, facts: tuple[object, ...]) -> None:
    assert facts_of(of_upload(answer, call_id=OWN)) == facts


def test_every_row_is_reached_by_a_case_above() -> None:
    codes = {row[3].replace(f"_{row[0].status}", "_{status}") for row in BOTH if isinstance(row[0], Answer)}
    codes |= {row[3] for row in (*CREATE, *UPLOAD)}

    assert {row.code for row in ANSWERS} <= codes


@pytest.mark.parametrize(
    "error",
    [LeaseLost("l"), LedgerUnreachable("r"), SettingsInvalid("s"), ManifestUnreadable("m"), IngestError("i")],
)
def test_what_is_no_outcome_of_a_request_is_a_type_error(error: IngestError) -> None:
    with pytest.raises(TypeError, match=type(error).__name__) as raised:
        of_create(error)
    assert raised.value.__cause__ is error
    with pytest.raises(TypeError):
        of_upload(error, call_id=OWN)


def test_a_rate_limit_says_how_long_to_wait() -> None:
    assert of_create(make_answer(429, retry_after="32400")).retry_after_s == 32_400
    assert of_create(make_answer(429)).retry_after_s == 1


def test_a_server_error_says_how_long_to_wait_if_the_server_does() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert of_upload(make_answer(503), call_id=OWN).retry_after_s is None
    assert of_upload(make_answer(503, retry_after="7"), call_id=OWN).retry_after_s == 7
    dated = make_answer(503, retry_after="Thu, 01 Jan 2026 00:01:00 GMT")
    assert of_upload(dated, call_id=OWN, now=now).retry_after_s == 60


def test_a_message_names_the_status_and_what_the_api_said() -> None:
    outcome = of_create(make_answer(400, "title: too long", "parties: none"))

    assert outcome.message == "The API refused the request (400): title: too long; parties: none"


def test_a_redirect_names_its_target_without_path_query_or_password() -> None:
    answer = make_strange(302, location="https://user:hidden@login.example/path?token=hidden")

    message = of_create(answer).message

    assert "https://login.example;" not in message
    assert "pointing to https://login.example)" in message
    assert "GONG_BASE_URL" in message
    assert "hidden" not in message


@pytest.mark.parametrize("location", [None, "", "/v2/calls", "http://[", "//host", "a:b"])
def test_an_odd_redirect_is_survived(location: str | None) -> None:
    assert of_create(make_strange(302, location=location)).code == "wrong_address"


def test_control_characters_in_a_message_are_escaped() -> None:
    outcome = of_create(make_answer(400, "\x1b[31mred\r\n\u202e\ud800\0"))

    assert outcome.message.isprintable()
    assert "\\x1b[31mred\\r\\n\\u202e\\ud800\\x00" in outcome.message


texts = st.text(st.characters(), max_size=700) | st.sampled_from(
    [POSTED, HANDLED, SAME + OWN, SAME + OTHER, DISABLED]
)
answers = st.builds(
    Answer,
    status=st.integers(100, 599),
    request_id=st.none() | texts,
    call_id=st.none() | st.sampled_from([OWN, OTHER]),
    url=st.none() | texts,
    messages=st.lists(texts, max_size=4).map(tuple),
    retry_after=st.none() | texts,
    complete=st.booleans(),
    body=st.dictionaries(st.sampled_from(["requestId", "errors", "x"]), st.none()),
    location=st.none() | texts,
)


@given(answers, st.booleans())
def test_every_answer_has_an_outcome(answer: Answer, uploading: bool) -> None:
    outcome: Outcome = of_upload(answer, call_id=OWN) if uploading else of_create(answer)

    assert outcome.message.isprintable()
    assert len(outcome.message) <= MESSAGE_MAX_CHARACTERS
    assert (outcome.retry_after_s or 1) > 0
    if outcome.effect is Effect.RECORDED:
        assert answer.complete
        assert outcome.call_id
        assert not uploading or outcome.call_id == OWN
    if answer.status >= 500 or not answer.complete:
        assert outcome.effect is not Effect.RECORDED
