"""Which addresses a call names, and the call with ids in their place."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from pipeline.call import decode_call, encode_call
from pipeline.people import addresses_in, with_ids
from tests.recordings import make_call

JANE, BOB = "jane@acme.com", "bob@acme.com"


def named(primary_user: str, *user_ids: str) -> dict[str, Any]:
    return make_call("a", primaryUser=primary_user, parties=[{"userId": each} for each in user_ids])


def test_ids_are_no_addresses() -> None:
    assert addresses_in(named("234599484848423", "234599484848423", "7")) == {}


def test_each_address_is_named_once_with_its_first_place_and_the_primary_user_first() -> None:
    call = named(JANE, BOB, "7", JANE)

    assert list(addresses_in(call).items()) == [(JANE, "primaryUser"), (BOB, "parties.0.userId")]


@pytest.mark.parametrize("text", ["Jane@Acme.com", " jane@acme.com\t", "JANE@ACME.COM"])
def test_capitals_and_spaces_around_an_address_do_not_matter(text: str) -> None:
    call = named(text, JANE)

    assert addresses_in(call) == {JANE: "primaryUser"}
    assert with_ids(call, {JANE: "7"}) == named("7", "7")


def test_the_email_address_of_a_party_stays() -> None:
    call = make_call("a", parties=[{"emailAddress": JANE, "userId": JANE, "name": "Jane"}])

    assert with_ids(call, {JANE: "7"})["parties"] == [{"emailAddress": JANE, "userId": "7", "name": "Jane"}]


def test_the_call_that_was_given_is_not_changed() -> None:
    call = named(JANE, BOB)
    before = copy.deepcopy(call)

    with_ids(call, {JANE: "7", BOB: "8"})

    assert call == before


def test_nothing_but_the_addresses_changes_in_what_is_sent() -> None:
    text = (
        '{"clientUniqueId":"a","duration":125.80,"primaryUser":"jane@acme.com",'
        '"parties":[{"name":"Jané","userId":"jane@acme.com"},{"userId":"00234"}],"direction":"Inbound"}'
    )

    assert encode_call(with_ids(decode_call(text), {JANE: "7"})) == text.replace('"jane@acme.com"', '"7"')


@pytest.mark.parametrize(
    "call",
    [
        {},
        {"primaryUser": 7, "parties": "none"},
        {"primaryUser": None, "parties": [None, 7, [], {"userId": 7}, {"userId": None}, {}]},
    ],
    ids=json.dumps,
)
def test_a_call_of_any_form_is_looked_at(call: dict[str, Any]) -> None:
    assert addresses_in(call) == {}
    assert with_ids(call, {}) == call
