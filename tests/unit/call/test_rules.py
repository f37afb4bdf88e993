"""What the document's prose says of several fields together."""

from __future__ import annotations

import pytest

from tests.unit.call.calls import (
    Json,
    fields_of,
    make_call,
    make_party,
    make_rep,
    make_segment,
    make_timeline_call,
    message_of,
    problems_of,
)

SEGMENT = "speakersTimeline.speechSegments.0"


def test_a_party_must_be_provided_for_the_primary_user() -> None:
    call = make_call(primaryUser="7", parties=[make_rep(), make_party()])

    assert message_of(call) == 'parties: must have a party for the primaryUser, with userId "7"'


@pytest.mark.parametrize("user_id", ["07", "7 ", "7\n"])
def test_ids_are_compared_as_texts(user_id: str) -> None:
    assert fields_of(make_call(primaryUser="7", parties=[make_rep(userId=user_id)])) == ["parties"]


def test_a_user_id_of_the_wrong_type_is_told_once_and_at_its_place() -> None:
    assert fields_of(make_call(primaryUser="7", parties=[make_rep(userId=7)])) == ["parties.0.userId"]


@pytest.mark.parametrize(
    ("primary_user", "user_id"),
    [
        ("jane@acme.com", "jane@acme.com"),
        ("jane@acme.com", "Jane@Acme.com "),
        ("jane@acme.com", "j.doe@acme.com"),
        ("jane@acme.com", "7"),
        ("7", "jane@acme.com"),
    ],
)
def test_an_address_may_mean_any_user(primary_user: str, user_id: str) -> None:
    assert fields_of(make_call(primaryUser=primary_user, parties=[make_rep(userId=user_id)])) == []


def test_an_address_needs_a_party_with_a_user_all_the_same() -> None:
    party = make_party(emailAddress="jane@acme.com")

    assert fields_of(make_call(primaryUser="jane@acme.com", parties=[party])) == ["parties"]


def test_an_absent_primary_user_is_told_once() -> None:
    call = make_call()
    del call["primaryUser"]

    assert fields_of(call) == ["primaryUser"]


def test_rules_are_told_beside_what_the_schema_finds() -> None:
    call = make_call(primaryUser="7", parties=[make_party(emailAddress="na")])

    assert fields_of(call) == ["parties.0.emailAddress", "parties"]


def test_a_timeline_of_known_parties_is_accepted() -> None:
    call = make_timeline_call(make_segment(), make_segment(partyIds=["2", "1"]), make_segment(partyIds=[]))

    assert problems_of(call) == ()


def test_a_party_without_party_id_is_refused_beside_a_timeline() -> None:
    call = make_timeline_call(parties=[make_rep(partyId="1"), make_party()])

    assert message_of(call) == "parties.1.partyId: is required when speakersTimeline is given"


def test_a_party_id_is_not_needed_without_a_timeline_nor_unique() -> None:
    assert (
        problems_of(make_call(parties=[make_rep(partyId="1"), make_party(partyId="1"), make_party()])) == ()
    )


def test_a_party_id_of_two_parties_is_refused_beside_a_timeline() -> None:
    call = make_timeline_call(parties=[make_rep(partyId="1"), make_party(partyId="1")])

    assert message_of(call) == 'parties.1.partyId: must be unique; parties.0 has "1" already'


def test_a_speaker_who_is_no_party_is_refused() -> None:
    call = make_timeline_call(make_segment(partyIds=["1", "3"]))

    assert message_of(call) == f'{SEGMENT}.partyIds.1: must be the partyId of a party; "3" is not'


def test_a_party_id_of_the_wrong_type_is_told_once_and_at_its_place() -> None:
    call = make_timeline_call(make_segment(), parties=[make_rep(partyId=1)])

    assert fields_of(call) == ["parties.0.partyId"]


def test_a_timeline_and_a_media_channel_exclude_each_other() -> None:
    call = make_timeline_call(make_segment())
    call["parties"][1]["mediaChannelId"] = 0

    assert fields_of(call) == ["parties.1.mediaChannelId"]
    del call["speakersTimeline"]
    assert problems_of(call) == ()


@pytest.mark.parametrize("timeline", [{}, {"precise": True}, {"speechSegments": []}])
def test_an_empty_timeline_is_a_timeline(timeline: Json) -> None:
    call = make_call(parties=[make_rep(mediaChannelId=0)], speakersTimeline=timeline)

    assert fields_of(call) == ["parties.0.mediaChannelId", "parties.0.partyId"]


@pytest.mark.parametrize(("start", "end", "accepted"), [(5, 5, True), (5, 6, True), (6, 5, False)])
def test_a_segment_does_not_end_before_it_starts(start: int, end: int, accepted: bool) -> None:
    call = make_timeline_call(make_segment(fromTime=start, toTime=end))

    assert fields_of(call) == ([] if accepted else [f"{SEGMENT}.toTime"])


@pytest.mark.parametrize(
    ("start", "end", "accepted"),
    [
        ("2018-02-17T02:30:00-08:00", "2018-02-17T10:30:00Z", True),
        ("2018-02-17T02:30:00-08:00", "2018-02-17T10:29:59Z", False),
        ("2018-02-17T10:30:00Z", "2018-02-17T02:30:00-08:00", True),
        ("2018-02-17T02:30:00+02:00", "2018-02-17T02:00:00Z", True),
        ("2018-02-17T02:30:00Z", "2018-02-17T03:00:00+01:00", False),
    ],
)
def test_a_call_is_not_scheduled_to_end_before_it_starts(start: str, end: str, accepted: bool) -> None:
    call = make_call(scheduledStart=start, scheduledEnd=end)

    assert fields_of(call) == ([] if accepted else ["scheduledEnd"])


@pytest.mark.parametrize("field", ["scheduledStart", "scheduledEnd"])
def test_one_of_the_two_times_is_enough(field: str) -> None:
    assert problems_of(make_call(**{field: "2018-02-17T02:30:00Z"})) == ()


@pytest.mark.parametrize(
    ("has_media", "url", "accepted"),
    [
        (None, True, True),
        (None, False, True),
        (True, False, True),
        (True, True, False),
        (False, True, True),
        (False, False, False),
    ],
)
def test_media_comes_once(has_media: bool | None, url: bool, accepted: bool) -> None:
    call = make_call() | ({"downloadMediaUrl": "https://upload-server.com/1.mp3"} if url else {})

    assert fields_of(call, has_media=has_media) == ([] if accepted else ["downloadMediaUrl"])


@pytest.mark.parametrize("wrong", [None, 1, "x", [], {}, [1], [[]], [{}], [None]])
@pytest.mark.parametrize("field", ["parties", "speakersTimeline", "primaryUser", "scheduledStart"])
def test_rules_pass_over_what_has_the_wrong_type(field: str, wrong: Json) -> None:
    call = make_timeline_call(make_segment(), scheduledEnd="2018-02-17T02:30:00Z") | {field: wrong}
    call["speakersTimeline"] = {"speechSegments": [wrong, make_segment(partyIds=wrong, fromTime=wrong)]}

    assert fields_of(call) != []
