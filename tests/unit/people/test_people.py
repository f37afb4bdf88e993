"""Whom an address means."""

from __future__ import annotations

import pytest

from pipeline.people import People, User
from tests.unit.people.users import make_user

JANE = "jane@acme.com"
OWN, ALIAS = {"address": JANE}, {"aliases": (JANE,)}
GONE = {"active": False}


def people(*users: User) -> People:
    return People(users)


def test_nobody_has_an_address_that_is_not_in_the_list() -> None:
    assert people(make_user(7)).meant_by(JANE) == ()


@pytest.mark.parametrize("has_it", [OWN, ALIAS])
@pytest.mark.parametrize("text", [JANE, " Jane@ACME.com "])
def test_an_address_means_who_has_it(has_it: dict[str, object], text: str) -> None:
    jane = make_user(7, **has_it)

    assert people(make_user(6), jane, make_user(8)).meant_by(text) == (jane,)


@pytest.mark.parametrize("gone", [{}, GONE])
def test_an_own_address_goes_before_the_alias_of_another(gone: dict[str, object]) -> None:
    jane, other = make_user(7, **OWN, **gone), make_user(8, **ALIAS)

    assert people(jane, other).meant_by(JANE) == (jane,)
    assert people(other, jane).meant_by(JANE) == (jane,)


@pytest.mark.parametrize("has_it", [OWN, ALIAS])
@pytest.mark.parametrize("gone", [GONE, {"calls_imported": False}])
def test_who_came_back_as_another_user_is_meant(has_it: dict[str, object], gone: dict[str, object]) -> None:
    before, now = make_user(7, **has_it, **gone), make_user(8, **has_it)

    assert people(before, now).meant_by(JANE) == (now,)
    assert people(now, before).meant_by(JANE) == (now,)


@pytest.mark.parametrize("has_it", [OWN, ALIAS])
@pytest.mark.parametrize("both", [{}, GONE])
def test_an_address_of_two_means_neither_for_certain(
    has_it: dict[str, object], both: dict[str, object]
) -> None:
    first, second = (make_user(number, **has_it, **both) for number in (7, 8))

    assert people(first, second).meant_by(JANE) == (first, second)


def test_a_user_whose_page_came_twice_is_one_as_read_last() -> None:
    before, now = make_user(7, **ALIAS, **GONE), make_user(7, **ALIAS)

    assert people(before, now).meant_by(JANE) == (now,)
    assert people(before, now).with_id("7") == (now,)


def test_an_address_that_was_taken_away_meanwhile_means_nobody() -> None:
    assert people(make_user(7, **ALIAS), make_user(7)).meant_by(JANE) == ()


def test_a_user_has_one_id() -> None:
    assert people(make_user(7)).with_id("7") == (make_user(7),)
    assert people(make_user(7)).with_id("8") == ()
