"""The rules of a new call, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.simulator.rules import problems_of
from tests.unit.simulator.calls import make_call

USER = "234599484848423"


def problems(body: object) -> list[str]:
    return problems_of(body, lambda user_id: ("host@gong.io", "alias@gong.io") if user_id == USER else ())


def with_party(**party: Any) -> dict[str, Any]:
    return make_call(parties=[{"userId": USER}, party])


def with_timeline(**segment: Any) -> dict[str, Any]:
    segments = [{"fromTime": 0, "toTime": 5, "partyIds": ["1"]} | segment]
    return make_call(
        parties=[{"userId": USER, "partyId": "1"}],
        speakersTimeline={"precise": True, "speechSegments": segments},
    )


def test_a_call_with_the_required_fields_alone_is_right() -> None:
    assert problems(make_call()) == []


def test_a_call_with_every_field_is_right() -> None:
    link = {
        "system": "Salesforce",
        "objects": [{"objectType": "Account", "objectId": "1", "fields": [{"name": "a"}]}],
    }
    call = make_call(
        title="Example call",
        purpose="Demo Call",
        scheduledStart="2018-02-17T02:30:00Z",
        scheduledEnd="2018-02-17T03:30:00+00:00",
        duration=125.8,
        disposition="No Answer",
        context=[link],
        customData="data",
        meetingUrl="https://www.conference.com/john.smith",
        callProviderCode="clearslide",
        downloadMediaUrl="https://upload-server.com/sample-call.mp3",
        workspaceId="623457276584334",
        languageCode="fil-PH",
        flowContext={"taskId": "714366367493425"},
        parties=[
            {
                "userId": USER,
                "emailAddress": "a.b+c@sub.gong.io",
                "name": "Test User",
                "partyId": "1",
                "mediaChannelId": 1,
                "context": [
                    {"system": "Generic", "objects": [{"objectType": "Lead,Contact", "objectId": "2"}]}
                ],
            }
        ],
        speakersTimeline={"speechSegments": [{"fromTime": 0, "toTime": 0, "partyIds": ["1"]}]},
        somethingNew={"unknown": True},
    )
    assert problems(call) == []


@pytest.mark.parametrize("field", ["clientUniqueId", "actualStart", "parties", "direction", "primaryUser"])
def test_a_required_field_that_is_left_out_or_null_is_named(field: str) -> None:
    assert problems(make_call(**{field: None})) == [f"{field} is required"]
    assert problems(make_call() | {field: None}) == [f"{field} is required"]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("clientUniqueId", 123, "must be a string"),
        ("clientUniqueId", "x" * 2049, "at most 2048 characters"),
        ("title", ["a"], "must be a string"),
        ("purpose", "x" * 256, "at most 255 characters"),
        ("disposition", "x" * 256, "at most 255 characters"),
        ("actualStart", "2018-02-17T02:30:00", "must be a date and time"),
        ("actualStart", "2018-02-17", "must be a date and time"),
        ("scheduledStart", "yesterday", "must be a date and time"),
        ("scheduledEnd", "2018-02-30T02:30:00Z", "must be a date and time"),
        ("duration", "125", "must be a number"),
        ("duration", True, "must be a number"),
        ("duration", -1, "must lie between 0"),
        ("parties", {}, "must be an array"),
        ("parties", [], "must have at least 1 item"),
        ("direction", "inbound", "must be one of Inbound"),
        ("primaryUser", "user-1", "must be an id of up to 20 digits"),
        ("primaryUser", "1" * 21, "must be an id of up to 20 digits"),
        ("primaryUser", 123, "must be a string"),
        ("context", [{}], "system is required"),
        ("context", [{"system": "SAP"}], "must be one of Salesforce"),
        (
            "context",
            [{"system": "Generic", "objects": [{"objectType": "Deal", "objectId": "1"}]}],
            "must be one of",
        ),
        ("context", [{"system": "Generic", "objects": [{"objectType": "Account"}]}], "objectId is required"),
        ("workspaceId", "main", "must be an id"),
        ("languageCode", "en", "must be one of the language codes"),
        ("downloadMediaUrl", "ftp://upload-server.com/a.mp3", "must be an http or https address"),
        ("downloadMediaUrl", "https://[", "must be an http or https address"),
        ("flowContext", "714366367493425", "must be an object"),
        ("speakersTimeline", [], "must be an object"),
    ],
)
def test_a_value_that_breaks_a_rule_is_named_with_its_field(field: str, value: object, reason: str) -> None:
    found = problems(make_call(**{field: value}))
    assert len(found) == 1
    assert found[0].startswith(field)
    assert reason in found[0]


@pytest.mark.parametrize("body", [None, [], "text", 1])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    assert problems(body) == ["The body must be an object"]


@pytest.mark.parametrize(
    "address",
    [
        "na",
        "n/a",
        "a@",
        "@gong.io",
        "a b@gong.io",
        "a@gong",
        "a@example.com",
        "a@EXAMPLE.org",
        "a@x.test",
        "a@b.invalid",
    ],
)
def test_an_email_address_that_is_none_or_reserved_is_refused(address: str) -> None:
    assert problems(with_party(emailAddress=address)) == [
        "parties[1].emailAddress is not a valid email address"
    ]


@pytest.mark.parametrize("address", ["a@test.com", "a@contest.org", "a@myexample.com", "A.B@mail.Gong.io"])
def test_an_address_that_only_looks_reserved_is_taken(address: str) -> None:
    assert problems(with_party(emailAddress=address)) == []


@pytest.mark.parametrize("channel", [-1, 2, 0.5, "0", True])
def test_a_media_channel_is_0_or_1(channel: object) -> None:
    assert problems(with_party(mediaChannelId=channel))[0].startswith("parties[1].mediaChannelId must")


@pytest.mark.parametrize(
    "party", [{"userId": USER}, {"emailAddress": "host@gong.io"}, {"emailAddress": "Alias@Gong.io"}]
)
def test_a_party_stands_for_the_primary_user_by_id_or_by_address(party: dict[str, str]) -> None:
    assert problems(make_call(parties=[{"name": "Guest"}, party])) == []


@pytest.mark.parametrize("party", [{"userId": "1"}, {"emailAddress": "other@gong.io"}, {"name": "Host"}])
def test_a_call_without_a_party_for_the_primary_user_is_refused(party: dict[str, str]) -> None:
    assert problems(make_call(parties=[party])) == [f"A party must be provided for the primaryUser {USER}"]


def test_speech_segments_with_known_parties_are_right() -> None:
    assert problems(with_timeline()) == []


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        ({"partyIds": ["2"]}, "names a party that is not in parties"),
        ({"fromTime": 6}, "ends before it starts"),
        ({"fromTime": -1}, "must lie between 0"),
        ({"toTime": 2**31}, "must lie between 0"),
        ({"toTime": 5.5}, "must be an integer"),
        ({"partyIds": None}, "partyIds is required"),
    ],
)
def test_speech_segments_that_are_wrong_are_refused(segment: dict[str, object], reason: str) -> None:
    found = problems(with_timeline(**segment))
    assert len(found) == 1
    assert reason in found[0]


def test_every_problem_is_named_at_once() -> None:
    call = make_call(direction="in", actualStart=None, parties=[{"mediaChannelId": 3}, "not a party"])
    assert len(problems(call)) == 4
