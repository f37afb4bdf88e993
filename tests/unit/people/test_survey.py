"""Who cannot have the recordings that name them."""

from __future__ import annotations

from typing import Any

from pipeline.people import Named, People, Standing, Surveyed, count_named, named_in, survey
from tests.recordings import make_call
from tests.unit.people.users import make_user

PEOPLE = People(
    (
        make_user(1),
        make_user(2, active=False),
        make_user(3, calls_imported=False),
        make_user(4, aliases=("sales@acme.com",)),
        make_user(5, aliases=("sales@acme.com",)),
        make_user(6, active=False, calls_imported=False),
    )
)


def calls(primary_user: str, count: int = 1, *others: str) -> list[dict[str, Any]]:
    parties = [{"userId": each} for each in (primary_user, *others)]
    return [make_call(f"{number}", primaryUser=primary_user, parties=parties) for number in range(count)]


def surveyed(*given: list[dict[str, Any]]) -> list[Surveyed]:
    return survey(count_named(call for some in given for call in some), PEOPLE)


def test_those_who_can_have_their_recordings_are_not_listed() -> None:
    assert surveyed(calls("1", 3), calls(" User.1@Acme.com ", 2), calls("user.4@acme.com")) == []


def test_each_is_listed_with_the_number_of_recordings_the_most_first() -> None:
    found = surveyed(
        calls("9", 1), calls("nobody@acme.com", 2), calls("user.2@acme.com", 5), calls("3", 4), calls("6")
    )

    assert found == [
        Surveyed("user.2@acme.com", Standing.INACTIVE, 5),
        Surveyed("3", Standing.NOT_ENABLED, 4),
        Surveyed("nobody@acme.com", Standing.UNKNOWN, 2),
        Surveyed("6", Standing.INACTIVE, 1),
        Surveyed("9", Standing.UNKNOWN, 1),
    ]


def test_an_address_of_two_users_is_listed() -> None:
    assert surveyed(calls("sales@acme.com")) == [Surveyed("sales@acme.com", Standing.AMBIGUOUS, 1)]


def test_of_a_party_only_the_address_matters() -> None:
    assert surveyed(calls("1", 2, "user.2@acme.com", "3")) == []
    assert surveyed(calls("1", 2, "nobody@acme.com")) == [Surveyed("nobody@acme.com", Standing.UNKNOWN, 2)]


def test_a_recording_counts_once_for_a_user_however_often_it_names_them() -> None:
    (call,) = calls("Nobody@acme.com", 1, "nobody@acme.com", "7", "7")

    assert named_in(call) == {Named("nobody@acme.com", hosts=True), Named("7", hosts=False)}


def test_hosts_and_parties_of_one_unknown_user_are_counted_together() -> None:
    assert surveyed(calls("nobody@acme.com", 2), calls("1", 3, "nobody@acme.com")) == [
        Surveyed("nobody@acme.com", Standing.UNKNOWN, 5)
    ]


def test_each_standing_has_a_sentence_that_begins_with_the_user() -> None:
    for standing in Standing:
        assert Surveyed("7", standing, 1).sentence.startswith("7 is ")
