"""The users whom recordings name: counted as they are named, and no more of them than can be."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from pipeline.people import Named, named_in
from pipeline.preflight import NamedUsers, named
from pipeline.preflight.named import users_of
from tests.unit.manifest.builders import make_call

ANN, BEN, EVE = (Named(user, hosts=True) for user in ("1", "2", "3"))
BEN_TOO = Named("2", hosts=False)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"primaryUser": "Ann@Acme.com", "parties": [{"userId": "ann@acme.com"}, {"name": "Ben"}]},
        {"parties": [{"userId": "7"}, {"userId": "8", "phoneNumber": "+1 555"}, {"userId": "7"}]},
        {"parties": []},
    ],
)
def test_the_users_of_a_call_are_those_that_are_looked_up(overrides: dict[str, Any]) -> None:
    call = make_call(**overrides)

    assert users_of(call) == named_in(call) == users_of(call)


def test_each_row_counts_for_each_of_its_users() -> None:
    users = NamedUsers()

    users.add({frozenset({ANN, BEN_TOO}): [1, 4], frozenset({ANN}): [2]})
    users.add({frozenset({BEN}): [7]})

    assert users == NamedUsers(Counter({ANN: 3, BEN_TOO: 2, BEN: 1}))


def test_rows_that_need_nothing_more_do_not_count() -> None:
    users = NamedUsers()

    users.add({frozenset({ANN}): [1, 4], frozenset({BEN}): [2]}, leaving_out={2, 4})

    assert users == NamedUsers(Counter({ANN: 1}))


def test_of_too_many_users_the_first_are_counted_and_the_rows_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(named, "USERS_COUNTED", 2)
    users = NamedUsers()

    users.add({frozenset({ANN}): [1], frozenset({BEN}): [2], frozenset({EVE}): [3, 4]})
    users.add({frozenset({EVE, ANN}): [5], frozenset({BEN}): [6], frozenset({EVE}): [7]})

    assert users == NamedUsers(Counter({ANN: 2, BEN: 2}), rows_beyond=4)


def test_a_million_users_are_a_bounded_number() -> None:
    users = NamedUsers()
    for first in range(0, 10**6, 1000):
        users.add({frozenset({Named(str(each), hosts=True)}): [each] for each in range(first, first + 1000)})

    assert len(users.recordings) == named.USERS_COUNTED
    assert users.rows_beyond == 10**6 - named.USERS_COUNTED
