"""Users as the API tells of them, whatever it leaves out, and pages as they are kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.people import User
from pipeline.people.user import decode_page, encode_page, users_of
from tests.unit.people.users import make_fields, make_user

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("id", "emailAddress", "emailAliases", "active", "settings")


def test_a_user_is_read_with_all_addresses_in_one_form() -> None:
    fields = make_fields(7, emailAddress="Jane@Acme.com ", emailAliases=["J@acme.com", "j@ACME.com"])

    assert list(users_of([fields])) == [make_user(7, address="jane@acme.com", aliases=("j@acme.com",))]


@pytest.mark.parametrize(
    ("overrides", "may_host"),
    [
        ({}, True),
        ({"active": False}, False),
        ({"settings": {"telephonyCallsImported": False}}, False),
        ({"active": None, "settings": None}, True),
        ({"settings": {}}, True),
        ({"settings": {"telephonyCallsImported": "no"}}, True),
    ],
)
def test_only_what_the_api_says_is_held_against_a_user(overrides: dict[str, Any], may_host: bool) -> None:
    (user,) = users_of([make_fields(7, **overrides)])

    assert user.may_host is may_host


@pytest.mark.parametrize(
    "user_id", [None, "", "seven", "1" * 21, True, 7.0, ["7"], "\N{ARABIC-INDIC DIGIT SEVEN}"]
)
def test_a_user_without_an_id_is_passed_over(user_id: object) -> None:
    assert list(users_of([make_fields(7) | {"id": user_id}, make_fields(8)])) == [make_user(8)]


def test_an_id_that_is_a_number_is_taken_digit_for_digit() -> None:
    (user,) = users_of([make_fields(7, id=5_000_000_000_000_000_001)])

    assert user.user_id == "5000000000000000001"


@given(st.lists(st.fixed_dictionaries({"id": st.just("7")}, optional=dict.fromkeys(NAMES[1:], JSON)) | JSON))
def test_users_of_any_form_are_read_and_kept_without_loss(listed: list[object]) -> None:
    users = list(users_of(listed))

    text = encode_page(users)

    assert list(decode_page(text)) == users
    assert text.encode()


@given(st.booleans(), st.booleans(), st.lists(st.emails().map(str.lower), unique=True))
def test_a_page_is_kept_as_it_was_read(active: bool, imported: bool, addresses: list[str]) -> None:
    users = [User("7", active, imported, "", tuple(addresses)), make_user(8, active=active)]

    assert list(decode_page(encode_page(users))) == users
