"""The check of a call as a whole."""

from __future__ import annotations

import copy
from types import MappingProxyType

import pytest

from pipeline.call import check_call
from pipeline.errors import CallInvalid
from tests.unit.call.calls import Json, fields_of, make_call, make_party, make_rep, message_of, problems_of


def test_a_call_with_the_required_fields_is_accepted() -> None:
    check_call(make_call())


def test_any_mapping_is_a_call() -> None:
    assert problems_of(MappingProxyType(make_call())) == ()


@pytest.mark.parametrize("call", [None, [], [make_call()], "call", 1, b"{}"])
def test_what_is_no_object_is_no_call(call: Json) -> None:
    assert message_of(call).startswith("must be an object, {…}, not ")


def test_an_empty_call_is_told_every_field_that_it_needs() -> None:
    assert fields_of({}) == ["clientUniqueId", "actualStart", "parties", "direction", "primaryUser"]


def test_the_error_names_every_field_in_one_sentence() -> None:
    with pytest.raises(CallInvalid) as refused:
        check_call(make_call(title=1, parties=[make_rep(), make_party(emailAddress="na")]))

    assert refused.value.code == "call_invalid"
    assert str(refused.value) == (
        'title: must be text; write "1" in quotation marks; parties.1.emailAddress: "na" is not an email '
        "address; leave the field out where there is none"
    )


def test_problems_stand_in_the_document_s_order_whatever_the_order_of_the_call() -> None:
    broken: dict[str, Json] = {
        "title": 1,
        "duration": "x",
        "parties": [1, 2],
        "direction": "x",
        "primaryUser": 3,
    }
    broken = make_call() | broken

    in_order = fields_of(broken)

    assert in_order == ["title", "duration", "parties.0", "parties.1", "direction", "primaryUser"]
    assert fields_of(dict(reversed(broken.items()))) == in_order


def test_unknown_fields_come_last_in_the_order_in_which_they_were_given() -> None:
    names = [f"unknown{number}" for number in (5, 3, 9, 1, 7, 2)]

    assert fields_of(make_call(title=1) | dict.fromkeys(names, 1)) == ["title", *names]


def test_a_refused_call_is_not_changed() -> None:
    call = make_call(title=1, parties=[make_party(emailAddress="na")], unknown={"a": [1]})
    given_call = copy.deepcopy(call)

    problems_of(call)

    assert call == given_call
