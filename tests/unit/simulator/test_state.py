"""Calls and media of the company: what is accepted once, and what the second time says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pipeline.simulator.answers import Answer
from pipeline.simulator.state import Company, Media
from tests.unit.simulator.calls import make_body

DISABLED = "5000000000000000010"
INACTIVE = "5000000000000000025"
ENABLED = "5000000000000000001"


def make_company(**overrides: Any) -> Company:
    return Company(**({"users": 25, "duplicate_status": 400, "seed": 1} | overrides))


def make_media(**overrides: Any) -> Media:
    fields: dict[str, Any] = {
        "size_bytes": 3,
        "sha256": "aa",
        "file_name": "a.wav",
        "content_type": "audio/wav",
        "uploaded_s": 1.0,
    }
    return Media(**(fields | overrides))


def create(company: Company, **overrides: Any) -> str:
    answer = company.create_call(make_body(**overrides))
    assert answer.status == 200, answer
    return str(answer.fields["callId"])


def error_of(answer: Answer) -> str:
    errors = answer.fields["errors"]
    assert isinstance(errors, list)
    return "; ".join(errors)


def with_host(user_id: str, **overrides: Any) -> dict[str, Any]:
    return {"primaryUser": user_id, "parties": [{"userId": user_id}]} | overrides


def test_a_call_gets_an_id_of_18_or_19_digits_as_text() -> None:
    company = make_company()
    call_ids = [create(company, clientUniqueId=str(number)) for number in range(500)]
    assert all(re.fullmatch(r"[1-9][0-9]{17,18}", call_id) for call_id in call_ids)
    assert len(set(call_ids)) == 500


def test_ids_repeat_with_the_seed() -> None:
    assert create(make_company(seed=7)) == create(make_company(seed=7)) != create(make_company(seed=8))


@pytest.mark.parametrize("status", [400, 409])
def test_the_same_client_unique_id_names_the_call_that_exists(status: int) -> None:
    company = make_company(duplicate_status=status)
    call_id = create(company)
    again = company.create_call(make_body(title="another title"))
    assert again.status == status
    assert error_of(again).endswith(f"has already been posted for the call {call_id}")
    assert len(company.calls) == 1
    assert (company.calls[call_id].creates, company.calls[call_id].repeated_creates) == (1, 1)


@pytest.mark.parametrize("user_id", [DISABLED, INACTIVE])
def test_a_disabled_primary_user_is_a_conflict_and_burns_no_id(user_id: str) -> None:
    company = make_company()
    answer = company.create_call(make_body(**with_host(user_id)))
    assert answer.status == 409
    assert error_of(answer).startswith("Recording or telephony call import is not enabled for primaryUser")
    create(company, **with_host(ENABLED))


def test_a_user_that_the_company_does_not_know_is_taken_as_enabled() -> None:
    create(make_company(), **with_host("42"))


def test_a_party_may_stand_for_a_known_primary_user_by_address() -> None:
    create(make_company(), primaryUser=ENABLED, parties=[{"emailAddress": "user.1@simulated-company.com"}])


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"duration": NaN}', b"[" * 100_000])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    answer = make_company().create_call(body)
    assert (answer.status, error_of(answer)) == (400, "The body is not valid JSON in UTF-8")


def test_a_call_that_breaks_rules_is_refused_with_a_sentence_for_each() -> None:
    answer = make_company().create_call(make_body(direction="in", actualStart=None))
    assert answer.status == 400
    assert answer.fields["errors"] == [
        "actualStart is required",
        "direction must be one of Inbound, Outbound, Conference, Unknown",
    ]


def test_a_download_address_is_good_for_one_call() -> None:
    company = make_company()
    create(company, clientUniqueId="1", downloadMediaUrl="https://gong.io/a.mp3")
    answer = company.create_call(make_body(clientUniqueId="2", downloadMediaUrl="https://gong.io/a.mp3"))
    assert (answer.status, "has already been used" in error_of(answer)) == (400, True)


def test_media_is_added_once() -> None:
    company = make_company()
    call_id = create(company)
    assert company.add_media(call_id, make_media()) == Answer(
        201, {"callId": call_id, "url": f"https://app.gong.io/call?id={call_id}"}
    )
    again = company.add_media(call_id, make_media(sha256="bb"))
    assert again.status == 400
    assert error_of(again).endswith("has already been handled")
    call = company.calls[call_id]
    assert (call.media, call.uploads, call.repeated_uploads) == (make_media(), 1, 1)


def test_the_same_bytes_under_another_call_name_the_first_and_leave_the_second_without_media() -> None:
    company = make_company()
    first, second = create(company, clientUniqueId="1"), create(company, clientUniqueId="2")
    company.add_media(first, make_media())
    answer = company.add_media(second, make_media())
    assert answer.status == 400
    assert "A media file with the same content has been uploaded in the past" in error_of(answer)
    assert error_of(answer).endswith(f"callID with the same content: {first}")
    assert company.calls[second].media is None
    assert company.add_media(second, make_media(sha256="bb")).status == 201


def test_media_for_a_call_that_does_not_exist_is_not_found() -> None:
    assert make_company().add_media("1", make_media()).status == 404


def test_media_for_a_call_that_gong_downloads_is_refused() -> None:
    company = make_company()
    answer = company.add_media(create(company, downloadMediaUrl="https://gong.io/a.mp3"), make_media())
    assert (answer.status, "downloadMediaUrl" in error_of(answer)) == (400, True)


def test_the_record_shows_each_call_as_it_was_received() -> None:
    company = make_company()
    body = make_body(duration=125.8, title="sägen")
    with_media = str(company.create_call(body).fields["callId"])
    without_media = create(company, clientUniqueId="2")
    company.add_media(with_media, make_media())
    first, second = company.record_of_calls()
    assert first == {
        "callId": with_media,
        "clientUniqueId": "123abc",
        "body": json.loads(body),
        "media": {
            "bytes": 3,
            "sha256": "aa",
            "file_name": "a.wav",
            "content_type": "audio/wav",
            "uploaded_s": 1.0,
        },
        "creates": 1,
        "uploads": 1,
        "repeated_creates": 0,
        "repeated_uploads": 0,
    }
    assert (second["callId"], second["media"], second["uploads"]) == (without_media, None, 0)
