"""Calls that name users by email address, on their way through the steps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.job import State, Step
from pipeline.people import KEPT_S, UNKNOWN_MAX_AGE_S, Directory
from pipeline.steps import Again, GoOn, Next, Stop
from tests.integration.gong.servers import make_client, serving
from tests.integration.people.company import Company, errors
from tests.integration.steps.bench import Bench
from tests.recordings import make_call
from tests.simulators import Simulator
from tests.unit.people.users import make_fields

JANE, BOB = "user.1@acme.com", "user.2@acme.com"
LOST = (200, b"")


@pytest.fixture
def company(bench: Bench) -> Iterator[Company]:
    """Five users on three pages, behind the API of this test."""
    there = Company(list(map(make_fields, range(1, 6))))
    with serving(there) as server, make_client(server.url) as client:
        bench.have(client=client)
        yield there


def hand_in(bench: Bench, primary_user: str, *others: str, **call: Any) -> None:
    parties = [{"userId": each} for each in (primary_user, *others)]
    bench.hand_in(primaryUser=primary_user, parties=parties, **call)


def later(bench: Bench, by_s: float) -> None:
    """Be a process that is started so much later."""
    bench.have(directory=Directory(bench.store, taken_s=30.0, clock=lambda: time.time() + by_s))


def retry(bench: Bench) -> None:
    """Bring the dead letter back, as a person does who has mended something."""
    assert bench.control.retry("calls") == 1
    bench.claims.clear()


def assert_dead(after: Next, code: str) -> None:
    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.DEAD, code)


def test_addresses_and_aliases_become_ids_on_their_way(bench: Bench, api: Simulator) -> None:
    hand_in(bench, "User.1@Simulated-Company.com", "alias.3@simulated-company.com", title="Renewal")

    assert [bench.run(step) for step in Step] == [GoOn(), GoOn(), GoOn()]

    (call,) = (each for each in api.record("requests=0")["calls"] if each["clientUniqueId"] == bench.name)
    assert call["body"]["primaryUser"] == "5000000000000000001"
    assert [party["userId"] for party in call["body"]["parties"]] == [
        "5000000000000000001",
        "5000000000000000003",
    ]
    assert call["body"]["title"] == "Renewal"
    # the list, the create, the upload
    assert (bench.sent(), bench.counts().requests) == (3, 3)


def test_ids_need_no_list_and_are_sent_as_given(bench: Bench, company: Company) -> None:
    company.says["GET"] = (403, errors("Access denied"))
    bench.hand_in()
    bench.run_before(Step.UPLOAD_MEDIA)

    assert company.asked == []
    assert company.posted == [json.dumps(make_call(bench.name))]
    assert "users" not in bench.job()


def test_the_list_is_read_once_for_all(bench: Bench, company: Company) -> None:
    for name in ("a", "b"):
        hand_in(bench, "user.5@acme.com", name=f"{bench.name}-{name}")
        assert bench.claim()
        bench.claims[:] = bench.claims[-1:]
        bench.run_before(Step.UPLOAD_MEDIA)

    assert company.asked == ["", "2", "4"]
    assert company.posted_users() == ["5", "5"]


def test_an_unknown_address_is_dead_before_the_create(bench: Bench, company: Company) -> None:
    hand_in(bench, "nobody@acme.com")

    assert_dead(bench.run(Step.VALIDATE), "user_unknown")

    assert company.posted == []
    letter = bench.dead_letter()
    assert "primaryUser: no user in Gong has the address 'nobody@acme.com'" in letter.message
    assert letter.step == Step.VALIDATE


def test_an_unknown_address_is_looked_for_anew_but_once_an_hour(bench: Bench, company: Company) -> None:
    hand_in(bench, "new@acme.com")
    bench.run(Step.VALIDATE)
    company.users.append(make_fields(6, emailAddress="new@acme.com"))
    retry(bench)
    bench.claim()
    assert_dead(bench.run(Step.VALIDATE), "user_unknown")
    assert company.asked == ["", "2", "4"]

    later(bench, UNKNOWN_MAX_AGE_S + 1)
    retry(bench)
    bench.claim()
    bench.run_before(Step.UPLOAD_MEDIA)

    assert company.asked == ["", "2", "4"] * 2
    assert company.posted_users() == ["6"]


def test_an_address_of_two_users_is_dead_until_one_gave_it_up(bench: Bench, company: Company) -> None:
    company.users[1] = make_fields(2, emailAliases=["sales@acme.com"])
    company.users[2] = make_fields(3, emailAliases=["sales@acme.com"])
    hand_in(bench, "sales@acme.com")
    assert_dead(bench.run(Step.VALIDATE), "user_ambiguous")
    company.users[1] = make_fields(2)

    later(bench, UNKNOWN_MAX_AGE_S + 1)
    retry(bench)
    bench.claim()
    bench.run_before(Step.UPLOAD_MEDIA)

    assert company.posted_users() == ["3"]


def test_a_list_of_yesterday_is_read_anew(bench: Bench, company: Company) -> None:
    hand_in(bench, JANE, name=f"{bench.name}-before")
    assert bench.run(Step.VALIDATE) == GoOn()
    company.users[0] = make_fields(9, emailAddress=JANE)
    bench.claims.clear()

    later(bench, KEPT_S + 1)
    hand_in(bench, JANE)
    bench.run_before(Step.UPLOAD_MEDIA)

    assert company.posted_users() == ["9"]


def test_a_list_that_fails_today_leaves_that_of_yesterday(bench: Bench, company: Company) -> None:
    hand_in(bench, JANE, name=f"{bench.name}-before")
    bench.run(Step.VALIDATE)
    bench.claims.clear()
    company.says["GET"] = (500, errors("oops"))

    later(bench, KEPT_S + 1)
    hand_in(bench, JANE)
    bench.run_before(Step.UPLOAD_MEDIA)

    assert company.posted_users() == ["1"]
    assert company.asked == ["", "2", "4", ""]


def test_a_create_whose_answer_was_lost_is_posted_again_letter_by_letter(
    bench: Bench, company: Company
) -> None:
    hand_in(bench, JANE, BOB, duration=125.80)
    bench.run_before(Step.CREATE_CALL)
    company.says["POST"] = LOST
    assert isinstance(bench.run(Step.CREATE_CALL), Again)
    company.users[:] = [make_fields(9, emailAddress=JANE)]
    later(bench, KEPT_S + 1)
    company.says["POST"] = (400, errors("has already been posted for the call 77"))

    assert bench.run(Step.CREATE_CALL) == GoOn()

    assert company.posted[0] == company.posted[1]
    assert company.posted_users() == ["1", "1"]
    assert company.asked == ["", "2", "4"]
    assert bench.job()["call_id"] == "77"


def test_what_the_api_refused_is_resolved_anew_on_retry(bench: Bench, company: Company) -> None:
    hand_in(bench, JANE)
    bench.run_before(Step.CREATE_CALL)
    company.says["POST"] = (409, errors("Recording import is not enabled for primaryUser 1"))
    assert_dead(bench.run(Step.CREATE_CALL), "primary_user_not_enabled")
    company.users[0] = make_fields(9, emailAliases=[JANE])
    company.says.clear()
    later(bench, UNKNOWN_MAX_AGE_S + 1)
    retry(bench)
    bench.claim()

    assert bench.run(Step.CREATE_CALL) == GoOn()

    assert company.posted_users() == ["1", "9"]
    assert bench.job()["users"] == "9"


def test_what_the_api_refused_waits_for_a_list_that_is_being_read(bench: Bench, company: Company) -> None:
    hand_in(bench, JANE)
    bench.run_before(Step.CREATE_CALL)
    company.says["POST"] = (409, errors("Recording import is not enabled for primaryUser 1"))
    bench.run(Step.CREATE_CALL)
    later(bench, UNKNOWN_MAX_AGE_S + 1)
    bench.services.directory.take_page(UNKNOWN_MAX_AGE_S)
    retry(bench)
    bench.claim()

    assert bench.run(Step.CREATE_CALL) == Again(2.0, "waits_for_users")

    assert len(company.posted) == 1


def test_what_the_api_refused_needs_no_list_that_is_refused_too(bench: Bench, company: Company) -> None:
    hand_in(bench, JANE)
    bench.run_before(Step.CREATE_CALL)
    company.says["POST"] = (409, errors("Recording import is not enabled for primaryUser 1"))
    bench.run(Step.CREATE_CALL)
    retry(bench)
    bench.claim()
    company.says = {"GET": (400, errors("no"))}
    later(bench, UNKNOWN_MAX_AGE_S + 1)

    assert bench.run(Step.CREATE_CALL) == GoOn()

    assert company.posted_users() == ["1", "1"]


def test_with_ids_a_party_must_be_the_primary_user(bench: Bench, company: Company) -> None:
    bench.hand_in(primaryUser=JANE, parties=[{"userId": BOB}])

    assert_dead(bench.run(Step.VALIDATE), "call_invalid")

    assert bench.dead_letter().message == 'parties: must have a party for the primaryUser, with userId "1"'


def test_a_key_that_never_worked_closes_the_gate(bench: Bench, company: Company) -> None:
    company.says["GET"] = (403, errors("Access denied"))
    hand_in(bench, JANE)

    after = bench.run(Step.VALIDATE)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.PENDING, "unauthorized")
    gate = bench.gate()
    assert gate is not None
    assert "api:users:read" in gate.detail


@pytest.mark.quiet
def test_the_probe_of_that_gate_asks_for_the_list_again(bench: Bench, company: Company) -> None:
    company.says["GET"] = (403, errors("Access denied"))
    hand_in(bench, JANE)
    bench.run(Step.VALIDATE)
    company.says.clear()

    assert bench.probe(Step.VALIDATE) == GoOn()

    assert bench.gate() is None


def test_a_key_that_works_but_for_the_list_makes_dead_letters_of_these_alone(
    bench: Bench, company: Company
) -> None:
    company.says["GET"] = (403, errors("Access denied"))
    bench.hand_in(name=f"{bench.name}-by-id")
    bench.run_before(Step.UPLOAD_MEDIA)
    for name in ("", f"{bench.name}-second"):
        bench.claims.clear()
        hand_in(bench, JANE, name=name)
        assert_dead(bench.run(Step.VALIDATE), "users_unreadable")

    assert company.asked == [""]
    assert bench.gate() is None
    letters = bench.control.dead_letters("calls", most=9)
    assert all("api:users:read" in letter.message for letter in letters)


def test_the_probe_for_a_key_that_worked_once_buries_nothing(bench: Bench, company: Company) -> None:
    bench.hand_in(name=f"{bench.name}-by-id")
    bench.run_before(Step.UPLOAD_MEDIA)
    bench.claims.clear()
    bench.services.limiter.close_unauthorized("The key was taken back")
    company.says["GET"] = (403, errors("Access denied"))
    hand_in(bench, JANE)

    after = bench.probe(Step.VALIDATE)

    assert isinstance(after, Stop)
    assert (after.state, after.code) == (State.PENDING, "unauthorized")
    assert bench.gate() is not None


def test_who_waits_for_the_list_keeps_its_lease_and_its_attempts(bench: Bench, company: Company) -> None:
    bench.services.directory.take_page(KEPT_S)
    hand_in(bench, JANE)

    assert bench.run(Step.VALIDATE) == Again(2.0, "waits_for_users")

    assert (bench.job()["attempts"], company.asked) == ("0", [])


def test_a_list_that_fails_costs_an_attempt(bench: Bench, company: Company) -> None:
    company.says["GET"] = (500, errors("oops"))
    hand_in(bench, JANE)

    assert bench.run(Step.VALIDATE) == Again(2.0, "server_error")

    assert bench.job()["attempts"] == "1"


def test_a_429_to_the_list_closes_the_gate(bench: Bench, company: Company) -> None:
    company.says["GET"] = (429, errors("limit"))
    hand_in(bench, JANE)

    assert isinstance(bench.run(Step.VALIDATE), Again)

    gate = bench.gate()
    assert gate is not None
    assert gate.reason == "rate_limited"
