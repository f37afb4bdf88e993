"""The list of users as the fleet keeps it: page by page, one process at a time, and none killed for long."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from pipeline.errors import LeaseLost, RecordingRefused
from pipeline.outcome import Effect, FleetEffect, Outcome
from pipeline.people import KEPT_S, Directory, Page, read_users
from pipeline.people import directory as module
from pipeline.people.directory import FAILED_WAIT_S, READING_MAX_S, REFUSED_WAIT_S
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.people.conftest import PAGE_TAKEN_S
from tests.servers import Server
from tests.unit.people.users import make_user

DAY_S = KEPT_S


def page(*numbers: int, cursor: str = "") -> Page:
    return Page(tuple(map(make_user, numbers)), cursor)


def outcome_with(fleet: FleetEffect, effect: Effect = Effect.BACKOFF) -> Outcome:
    return Outcome(effect, fleet, "some_code", "The API said no")


def known(directory: Directory) -> set[str]:
    return {user.user_id for user in directory.look(within_s=0.0).people.users}


def code_of(taken: str | Outcome | None) -> str:
    assert isinstance(taken, Outcome)
    return taken.code


def test_a_list_that_was_never_read_knows_nobody(directory: Directory) -> None:
    kept = directory.look()

    assert kept.people.users == ()
    assert kept.age_now_s == float("inf")


def test_a_list_is_read_page_by_page(directory: Directory) -> None:
    assert directory.take_page(DAY_S) == ""
    assert directory.add_page("", page(1, 2, cursor="b")) == "more"
    assert directory.take_page(DAY_S) == "b"
    assert directory.add_page("b", page(3)) == "done"

    assert directory.take_page(DAY_S) is None
    assert known(directory) == {"1", "2", "3"}


def test_a_company_without_users_has_a_list(directory: Directory) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page())

    assert directory.take_page(DAY_S) is None
    assert directory.look().age_now_s < DAY_S


def test_others_wait_while_one_is_at_a_page(directory: Directory) -> None:
    directory.take_page(DAY_S)

    taken = directory.take_page(DAY_S)

    assert isinstance(taken, Outcome)
    assert (taken.effect, taken.fleet, taken.code) == (Effect.SNOOZED, FleetEffect.NONE, "waits_for_users")
    assert taken.retry_after_s == 2.0


def test_who_was_killed_costs_a_page_and_no_more(directory: Directory, clock: Clock) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page(1, cursor="b"))
    directory.take_page(DAY_S)
    clock.advance(PAGE_TAKEN_S - 0.1)
    assert code_of(directory.take_page(DAY_S)) == "waits_for_users"

    clock.advance(0.1)

    assert directory.take_page(DAY_S) == "b"
    assert directory.add_page("b", page(2)) == "done"
    assert known(directory) == {"1", "2"}


def test_who_was_slow_rather_than_killed_still_brings_the_page(directory: Directory, clock: Clock) -> None:
    directory.take_page(DAY_S)
    clock.advance(PAGE_TAKEN_S)
    directory.take_page(DAY_S)

    assert directory.add_page("", page(1, cursor="b")) == "more"
    assert directory.add_page("", page(1, cursor="b")) == "stale"

    assert directory.take_page(DAY_S) == "b"
    assert directory.add_page("b", page(2)) == "done"
    assert known(directory) == {"1", "2"}


def test_a_page_that_comes_after_the_end_changes_nothing(directory: Directory) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page(1))

    assert directory.add_page("", page(9)) == "stale"

    assert known(directory) == {"1"}


def test_a_list_is_as_old_as_the_beginning_of_its_reading(directory: Directory, clock: Clock) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page(1, cursor="b"))
    clock.advance(600)
    directory.take_page(DAY_S)
    directory.add_page("b", page(2))

    assert directory.look().age_now_s == pytest.approx(600, abs=5)


def test_the_old_list_stays_until_the_new_one_is_whole(directory: Directory, clock: Clock) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page(1, cursor="b"))
    directory.take_page(DAY_S)
    directory.add_page("b", page(2))
    clock.advance(DAY_S)
    assert directory.take_page(DAY_S) is None
    clock.advance(1)

    assert directory.take_page(DAY_S) == ""
    directory.add_page("", page(1, cursor="b"))
    assert known(directory) == {"1", "2"}
    directory.take_page(DAY_S)
    directory.add_page("b", page(3))

    assert known(directory) == {"1", "3"}


def test_a_list_can_be_wanted_sooner(directory: Directory, clock: Clock) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page(1))
    clock.advance(61)

    assert directory.take_page(60) == ""


def test_a_reading_that_takes_too_long_starts_again(directory: Directory, clock: Clock) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page(8, cursor="b"))
    directory.take_page(DAY_S)
    directory.add_page("b", page(9, cursor="c"))
    clock.advance(READING_MAX_S + 1)

    assert directory.take_page(DAY_S) == ""
    assert directory.add_page("", page(1, cursor="b")) == "more"
    directory.take_page(DAY_S)
    directory.add_page("b", page())

    assert known(directory) == {"1"}


def test_a_cursor_that_came_before_ends_the_list(directory: Directory) -> None:
    cursors = {"": "b", "b": "c", "c": "b"}
    asked = []

    def ask(cursor: str) -> Page:
        asked.append(cursor)
        return page(len(asked), cursor=cursors[cursor])

    assert read_users(directory, ask, max_age_s=DAY_S) is None

    assert asked == ["", "b", "c"]
    assert known(directory) == {"1", "2", "3"}


def test_a_page_that_names_itself_ends_the_list(directory: Directory) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page(1, cursor="b"))
    directory.take_page(DAY_S)

    assert directory.add_page("b", page(2, cursor="b")) == "looped"


def test_a_list_without_an_end_has_one(
    directory: Directory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PAGES_MAX", 12)
    numbers = itertools.count(1)

    assert read_users(directory, lambda _: page(n := next(numbers), cursor=f"{n}"), max_age_s=DAY_S) is None

    assert known(directory) == {str(number) for number in range(1, 13)}
    assert "taken for all of it" in caplog.text


def test_nothing_of_the_reading_is_left_at_its_end(
    directory: Directory, server: Server, namespace: str
) -> None:
    for cursor, following in (("", "b"), ("b", "c"), ("c", "")):
        directory.take_page(DAY_S)
        directory.add_page(cursor, page(1, cursor=following))

    assert set(server.client.scan_iter(f"{namespace}:*")) == {f"{namespace}:people"}
    assert set(server.client.hkeys(f"{namespace}:people")) == {"1", "2", "3", "read_at"}


@pytest.mark.parametrize(
    ("outcome", "wait_s"),
    [
        (None, 0.0),
        (outcome_with(FleetEffect.CLOSE_RETRY_AFTER, Effect.SNOOZED), 0.0),
        (outcome_with(FleetEffect.COUNT_FAILURE), FAILED_WAIT_S),
    ],
)
def test_a_page_that_was_left_is_soon_taken_again(
    directory: Directory, clock: Clock, outcome: Outcome | None, wait_s: float
) -> None:
    directory.take_page(DAY_S)
    directory.leave_page("", outcome)
    if wait_s:
        assert code_of(directory.take_page(DAY_S)) == "waits_for_users"

    clock.advance(wait_s)

    assert directory.take_page(DAY_S) == ""


def test_who_was_too_slow_leaves_nothing_of_another(directory: Directory, clock: Clock) -> None:
    directory.take_page(DAY_S)
    clock.advance(PAGE_TAKEN_S)
    directory.take_page(DAY_S)
    directory.add_page("", page(1, cursor="b"))
    directory.take_page(DAY_S)

    directory.leave_page("")
    directory.start_again("")

    assert code_of(directory.take_page(DAY_S)) == "waits_for_users"
    assert directory.add_page("b", page(2)) == "done"


def test_a_list_that_is_refused_is_not_asked_for_at_once(directory: Directory, clock: Clock) -> None:
    refusal = outcome_with(FleetEffect.NONE, Effect.DEAD)
    assert read_users(directory, lambda _: refusal, max_age_s=DAY_S) == refusal

    taken = directory.take_page(DAY_S)
    assert isinstance(taken, Outcome)
    assert (taken.effect, taken.code, taken.message) == (Effect.DEAD, "users_unreadable", "The API said no")
    clock.advance(REFUSED_WAIT_S)

    assert directory.take_page(DAY_S) == ""
    assert code_of(directory.take_page(DAY_S)) == "waits_for_users"


def test_a_cursor_that_is_refused_starts_the_reading_again(directory: Directory) -> None:
    answers: dict[str, Page | Outcome] = {
        "": page(1, cursor="b"),
        "b": outcome_with(FleetEffect.NONE, Effect.DEAD),
    }

    prevented = read_users(directory, answers.__getitem__, max_age_s=DAY_S)

    assert prevented is not None
    assert prevented.effect is Effect.BACKOFF
    assert directory.take_page(DAY_S) == ""


def test_an_error_leaves_the_page_to_others(directory: Directory) -> None:
    def ask(cursor: str) -> Page:
        raise LeaseLost(cursor)

    with pytest.raises(LeaseLost):
        read_users(directory, ask, max_age_s=DAY_S)

    assert directory.take_page(DAY_S) == ""


def test_another_process_sees_a_new_list_when_it_needs_it(
    store: Store, clock: Clock, directory: Directory
) -> None:
    other = Directory(store, taken_s=PAGE_TAKEN_S, clock=clock)
    for number in (1, 2):
        clock.advance(DAY_S + 1)
        directory.take_page(DAY_S)
        directory.add_page("", page(number))
        other.look([f"user.{number}@acme.com"])

        assert other.look().knows([f"user.{number}@acme.com"])


def test_a_copy_is_relied_upon_without_a_round_trip(
    directory: Directory, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page(1))
    directory.look()
    monkeypatch.setattr(store, "run", _refuse)

    assert directory.look(["user.1@acme.com"]).knows(["user.1@acme.com"])


def _refuse(*arguments: object) -> None:
    raise AssertionError(f"the server was asked: {arguments}")


def test_the_pages_are_sent_once_to_each_process(
    directory: Directory, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page(1, 2))
    answers: list[list[object]] = []
    run: Callable[..., list[object]] = store.run

    def noting(*given: object) -> list[object]:
        answers.append(run(*given))
        return answers[-1]

    monkeypatch.setattr(store, "run", noting)

    assert directory.look(within_s=0.0).people is directory.look(within_s=0.0).people

    assert [len(answer) for answer in answers] == [3, 2]


def test_ids_are_told_in_the_order_of_the_addresses(directory: Directory) -> None:
    directory.take_page(DAY_S)
    directory.add_page("", page(1, 2))
    kept = directory.look()

    assert kept.ids_of({"user.2@acme.com": "primaryUser", "user.1@acme.com": "x"}) == ("2", "1")
    with pytest.raises(RecordingRefused, match=r"^parties.3.userId: no user .*'nobody@acme.com'") as refused:
        kept.ids_of({"user.2@acme.com": "primaryUser", "nobody@acme.com": "parties.3.userId"})
    assert refused.value.code == "user_unknown"


def test_an_address_of_two_users_is_refused_with_both_ids(directory: Directory) -> None:
    sharing = tuple(make_user(number, aliases=("sales@acme.com",)) for number in (1, 2))
    directory.take_page(DAY_S)
    directory.add_page("", Page(sharing, ""))

    with pytest.raises(RecordingRefused, match="of the users 1 and 2 in Gong") as refused:
        directory.look().ids_of({"sales@acme.com": "primaryUser"})
    assert refused.value.code == "user_ambiguous"
