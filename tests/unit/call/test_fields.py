"""The types of fields: what each takes, and what it says of the rest."""

from __future__ import annotations

import math
from decimal import Decimal
from enum import StrEnum

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


class Direction(StrEnum):
    INBOUND = "Inbound"


def make_value_call(value: Json) -> dict[str, Json]:
    external = {"objectType": "Account", "objectId": "1", "fields": [{"name": "Name", "value": value}]}
    return make_call(context=[{"system": "Salesforce", "objects": [external]}])


VALUE = "context.0.objects.0.fields.0.value"


def test_an_id_given_as_a_number_is_refused_with_the_text_to_write() -> None:
    call = make_call(workspaceId=623457276584334)

    assert message_of(call) == ('workspaceId: must be text; write "623457276584334" in quotation marks')


@pytest.mark.parametrize(
    ("title", "told"), [(True, "true"), (["x"], '["x"]'), ({}, "{}"), (b"x", "a value of the type bytes")]
)
def test_what_is_no_text_is_refused(title: Json, told: str) -> None:
    assert message_of(make_call(title=title)) == f"title: must be text, not {told}"


def test_a_text_of_a_kind_of_its_own_is_a_text() -> None:
    assert problems_of(make_call(direction=Direction.INBOUND)) == ()


def test_null_is_not_absence() -> None:
    call = make_call(title=None)

    assert message_of(call) == ("title: must not be null; leave the field out where there is nothing to say")


def test_an_empty_text_is_a_text_where_it_names_nothing() -> None:
    assert problems_of(make_call(title="", purpose="", customData="", disposition="")) == ()


@pytest.mark.parametrize("field", ["clientUniqueId", "primaryUser"])
def test_an_empty_text_is_refused_where_it_would_name_something(field: str) -> None:
    assert message_of(make_call(**{field: ""})) == f"{field}: must not be empty"


@pytest.mark.parametrize(("length", "accepted"), [(2048, True), (2049, False)])
def test_a_client_unique_id_has_at_most_2048_characters(length: int, accepted: bool) -> None:
    assert (problems_of(make_call(clientUniqueId="𝄞" * length)) == ()) is accepted


def test_a_text_that_is_too_long_is_told_with_both_lengths() -> None:
    call = make_call(purpose="x" * 256)

    assert message_of(call) == "purpose: must have at most 255 characters, not 256"


@pytest.mark.parametrize("duration", [0, 125, 125.8, -0.0, 3.4e38, 2**100])
def test_a_duration_is_any_number_of_seconds(duration: float) -> None:
    assert problems_of(make_call(duration=duration)) == ()


@pytest.mark.parametrize(
    "duration",
    [-1, -0.1, math.nan, math.inf, -math.inf, 3.5e38, 10**400, True, "125.8", Decimal("125.8"), []],
)
def test_a_duration_that_is_negative_endless_or_no_number_is_refused(duration: Json) -> None:
    assert fields_of(make_call(duration=duration)) == ["duration"]


@pytest.mark.parametrize("channel", [0, 1])
def test_a_media_channel_is_0_or_1(channel: int) -> None:
    assert problems_of(make_call(parties=[make_rep(mediaChannelId=channel)])) == ()


@pytest.mark.parametrize("channel", [-1, 2, 0.0, 1.0, False, True, "0", 2**31, []])
def test_another_media_channel_is_refused_by_its_path(channel: Json) -> None:
    call = make_call(parties=[make_rep(), make_party(mediaChannelId=channel)])

    assert message_of(call).startswith("parties.1.mediaChannelId: must be a whole number from 0 to 1, not ")


@pytest.mark.parametrize(
    ("milliseconds", "accepted"), [(0, True), (2**31 - 1, True), (2**31, False), (-1, False)]
)
def test_times_in_a_segment_are_int32_and_not_negative(milliseconds: int, accepted: bool) -> None:
    call = make_timeline_call(make_segment(fromTime=0, toTime=milliseconds))

    assert ("speakersTimeline.speechSegments.0.toTime" not in fields_of(call)) is accepted


@pytest.mark.parametrize("precise", [1, 0, "true", []])
def test_precise_is_true_or_false_and_nothing_like_it(precise: Json) -> None:
    call = make_timeline_call()
    call["speakersTimeline"]["precise"] = precise

    assert fields_of(call) == ["speakersTimeline.precise"]


@pytest.mark.parametrize("parties", [[], (), "ada", {}, {"0": {}}, {1}, iter([])])
def test_parties_are_a_list_of_at_least_one(parties: Json) -> None:
    assert fields_of(make_call(parties=parties)) == ["parties"]


def test_a_tuple_is_a_list() -> None:
    assert problems_of(make_call(parties=(make_rep(),))) == ()


@pytest.mark.parametrize("party", ["ada", 1, [], True])
def test_a_party_that_is_no_object_is_refused(party: Json) -> None:
    assert fields_of(make_call(parties=[make_rep(), party])) == ["parties.1"]


@pytest.mark.parametrize(
    "value", ["Gong Inc.", 1, 10**30, 1.5, True, [], {}, {"a": [None, {"b": "c"}]}, [[[[]]]], ("a", 1)]
)
def test_a_context_s_value_is_any_json(value: Json) -> None:
    assert problems_of(make_value_call(value)) == ()


def test_a_context_s_value_is_not_null() -> None:
    assert fields_of(make_value_call(None)) == [VALUE]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (math.nan, ""),
        ({"a": [0, math.inf]}, ".a.1"),
        ({"a": 10**400}, ".a"),
        (["\ud800"], ".0"),
        ({"a": {"b": "\0"}}, ".a.b"),
        ({"\ud800": 1}, ""),
        ({1: "a"}, ""),
        ({"a": {1, 2}}, ".a"),
        ([object()], ".0"),
        ([Decimal(1)], ".0"),
    ],
)
def test_what_json_cannot_say_is_refused_at_its_place(value: Json, place: str) -> None:
    assert fields_of(make_value_call(value)) == [VALUE + place]


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[Json] = []
    value.append(value)

    (problem,) = problems_of(make_value_call(value))

    assert problem.message == "is nested more than 100 levels deep"


def test_an_unknown_field_is_refused_with_the_nearest_known_name() -> None:
    call = make_call(client_unique_id="1")

    assert message_of(call) == "client_unique_id: unknown field; did you mean clientUniqueId?"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("parties.0.email", "emailAddress"),
        ("parties.0.context.0.object", "objects"),
        ("parties.0.context.0.objects.0.objectID", "objectId"),
        ("parties.0.context.0.objects.0.fields.0.values", "value"),
        ("context.0.System", "system"),
        ("context.0.objects.0.object_type", "objectType"),
        ("context.0.objects.0.fields.0.nmae", "name"),
        ("speakersTimeline.speechSegment", "speechSegments"),
        ("speakersTimeline.speechSegments.0.partyId", "partyIds"),
        ("flowContext.task", "taskId"),
    ],
)
def test_an_unknown_field_is_refused_at_every_level(path: str, meant: str) -> None:
    inner: Json = "x"
    for part in reversed(path.split(".")):
        inner = [inner] if part == "0" else {part: inner}

    messages = {problem.field: problem.message for problem in problems_of(make_call(**inner))}

    assert messages[path] == f"unknown field; did you mean {meant}?"


def test_an_unknown_field_like_no_other_is_told_what_there_is() -> None:
    call = make_call(flowContext={"qqq": "1"})

    assert message_of(call) == "flowContext.qqq: unknown field; known here are taskId"


@pytest.mark.parametrize("name", ["_schema", "", "__class__", "parties.0", 1, None, ("a",), "\ud800\n"])
def test_any_other_name_is_an_unknown_field_too(name: Json) -> None:
    (problem,) = problems_of(make_call() | {name: 1})

    assert problem.message.startswith("unknown field")
    assert problem.field.isprintable()
