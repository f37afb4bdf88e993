"""The list of users read by a preflight: under the limiter, and no more often than needed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.errors import AccessAwaited, AccessMissing, AccessUnavailable, IngestError
from pipeline.job import Lane
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter, Notices
from pipeline.outcome import Outcome
from pipeline.people import KEPT_S, Asker, Directory, Named, Page, Reader, Standing, Surveyed
from pipeline.people import ahead as module
from pipeline.store import Store
from tests.integration.gong.servers import make_client, serving
from tests.integration.people.company import Company, errors
from tests.integration.people.conftest import PAGE_TAKEN_S
from tests.integration.steps.bench import LIMITS
from tests.unit.people.users import make_fields

NEW = Named("new@acme.com", hosts=True)
GOOD = Named("user.1@acme.com", hosts=True)
OFF = Named("user.2@acme.com", hosts=True)


@pytest.fixture
def company() -> Company:
    return Company([make_fields(1), make_fields(2, active=False), make_fields(3)])


@pytest.fixture
def reader(store: Store, company: Company) -> Iterator[Reader]:
    # The first second of a limiter is silent; it has passed.
    Limiter(store, LIMITS, clock=lambda: time.time() - 60).look(Lane.BACKFILL)
    with serving(company) as server, make_client(server.url) as client:
        asker = Asker(
            ledger=Ledger(store, lease_ttl_s=30.0, attempts_max=3),
            limiter=Limiter(store, LIMITS),
            client=client,
            failures_to_close=2,
            is_needed=False,
        )
        yield Reader(Directory(store, taken_s=PAGE_TAKEN_S), Notices(store), asker)


def later(reader: Reader, store: Store, by_s: float) -> Reader:
    directory = Directory(store, taken_s=PAGE_TAKEN_S, clock=lambda: time.time() + by_s)
    return Reader(directory, reader.notices, reader.asker)


def refused(found: list[Surveyed] | Outcome) -> Outcome:
    assert isinstance(found, Outcome)
    return found


def test_whom_the_api_will_refuse_is_found_with_a_slot_for_each_page(
    reader: Reader, company: Company
) -> None:
    found = reader.survey(Counter({GOOD: 7, OFF: 5, NEW: 2}))

    assert found == [
        Surveyed("user.2@acme.com", Standing.INACTIVE, 5),
        Surveyed("new@acme.com", Standing.UNKNOWN, 2),
    ]
    assert company.asked == ["", "2"]
    assert reader.asker.limiter.use().today == 2


def test_a_list_of_today_is_enough_for_whom_it_takes(reader: Reader, company: Company, store: Store) -> None:
    reader.survey({GOOD: 1})

    assert later(reader, store, KEPT_S - 60).survey({GOOD: 1}) == []

    assert company.asked == ["", "2"]


def test_for_anybody_else_it_is_read_again(reader: Reader, company: Company, store: Store) -> None:
    reader.survey({NEW: 1})
    company.users[1] = make_fields(2, emailAddress="new@acme.com")

    assert reader.survey({NEW: 1}) == [Surveyed("new@acme.com", Standing.UNKNOWN, 1)]
    assert later(reader, store, 3601).survey({NEW: 1}) == []

    assert company.asked == ["", "2"] * 2


def test_a_list_that_is_refused_is_told_and_stops_nobody_else(reader: Reader, company: Company) -> None:
    company.says["GET"] = (403, errors("Access denied"))

    assert "api:users:read" in refused(reader.survey({GOOD: 1})).message

    assert reader.asker.limiter.gate() is None
    # Who needs it finds out for himself whether the key works: nobody is told that it was refused for good.
    taken = reader.directory.take_page(KEPT_S)
    assert isinstance(taken, Outcome)
    assert taken.code == "waits_for_users"


def test_a_key_that_is_wrong_here_closes_the_gate_for_nobody_else(reader: Reader, company: Company) -> None:
    company.says["GET"] = (401, errors("Unauthorized"))

    assert "401" in refused(reader.survey({GOOD: 1})).message

    assert company.asked == [""]
    assert reader.asker.limiter.gate() is None


@pytest.mark.parametrize(
    "problem",
    [
        AccessMissing("No OAuth token is stored."),
        AccessUnavailable("The address of OAuth tokens does not answer."),
        AccessAwaited("Another process replaces the OAuth token.", 0.01),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_without_a_token_it_ends_and_the_fleet_is_told_nothing(
    reader: Reader, company: Company, monkeypatch: pytest.MonkeyPatch, problem: IngestError
) -> None:
    monkeypatch.setattr(module, "TOKEN_PATIENCE_S", 0.05)

    def fail() -> None:
        raise problem

    monkeypatch.setattr(reader.asker.client, "prepare", fail)

    for _ in range(reader.asker.failures_to_close):
        with pytest.raises(type(problem)):
            reader.survey({GOOD: 1})

    assert company.asked == []
    assert reader.asker.limiter.gate() is None
    # The page is left to others.
    assert reader.directory.take_page(KEPT_S) == ""


def test_as_the_probe_of_a_closed_gate_it_opens_none_with_a_refusal(reader: Reader, company: Company) -> None:
    company.says["GET"] = (403, errors("Access denied"))
    limiter = reader.asker.limiter
    limiter.close_unauthorized("The API refuses the credentials")
    limiter.probe_now()

    refused(reader.survey({GOOD: 1}))

    gate = limiter.gate()
    assert company.asked == [""]
    assert gate is not None
    assert gate.reason == "unauthorized"


def test_each_page_is_told_of(reader: Reader) -> None:
    told: list[int] = []

    replace(reader, tell=lambda page: told.append(len(page.users))).survey({GOOD: 1})

    assert told == [2, 1]


def test_ctrl_c_leaves_the_page_to_others(reader: Reader, company: Company, store: Store) -> None:
    def interrupt(_page: Page) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(reader, tell=interrupt).survey({GOOD: 1})

    assert Directory(store, taken_s=PAGE_TAKEN_S).take_page(KEPT_S) == ""


def test_a_list_of_yesterday_is_better_than_none(reader: Reader, company: Company, store: Store) -> None:
    reader.survey({GOOD: 1})
    company.says["GET"] = (500, errors("oops"))

    assert later(reader, store, KEPT_S + 60).survey({OFF: 1}) == [
        Surveyed("user.2@acme.com", Standing.INACTIVE, 1)
    ]


def test_behind_a_closed_gate_nobody_waits(reader: Reader, company: Company) -> None:
    reader.asker.limiter.close_by_hand("lunch")

    assert refused(reader.survey({GOOD: 1})).code == "waits_by_hand"

    assert company.asked == []


def test_another_reader_is_waited_for(
    reader: Reader, company: Company, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    Directory(store, taken_s=0.5).take_page(KEPT_S)

    assert reader.survey({GOOD: 1}) == []

    Directory(store, taken_s=PAGE_TAKEN_S).take_page(0.0)
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    assert refused(later(reader, store, 0.0).read(0.0) or []).code == "waits_for_users"
