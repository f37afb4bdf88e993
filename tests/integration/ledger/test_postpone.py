"""Putting an attempt off, giving it up, and handing it back."""

from __future__ import annotations

import pytest

from pipeline.errors import LeaseLost
from pipeline.job import Lane, Reason, State, Step, job_id_of
from tests.integration.ledger.bench import ATTEMPTS_MAX, BATCH, LEASE_TTL_S, REASON, Bench, make_wait


def test_a_short_wait_keeps_the_lease_beyond_it(bench: Bench) -> None:
    held = bench.held()

    assert bench.ledger.postpone(held, make_wait(45, keep=True)) is State.ACTIVE

    assert bench.lease_ends_in_s() == 45 + LEASE_TTL_S
    bench.clock.advance(45)
    assert bench.claim() == []


def test_the_same_attempt_begins_again_after_a_short_wait(bench: Bench) -> None:
    claim = bench.claimed()
    bench.ledger.postpone(bench.begin(claim), make_wait(5, keep=True))

    assert bench.begin(claim).lease_token == claim.lease_token


def test_a_long_wait_gives_the_job_back_until_it_is_due(bench: Bench) -> None:
    held = bench.held(lane=Lane.LIVE)
    bench.is_woken()

    assert bench.ledger.postpone(held, make_wait(7200)) is State.PENDING

    assert bench.due_in_s(lane=Lane.LIVE) == 7200
    assert bench.lease_ends_in_s() is None
    assert bench.is_woken()
    bench.clock.advance(7199)
    assert bench.claim() == []
    bench.clock.advance(1)
    assert len(bench.claim()) == 1


def test_what_is_given_back_without_a_wait_goes_before_what_was_accepted_later(bench: Bench) -> None:
    held = bench.held("a")
    bench.clock.advance(1)
    bench.submit("b", "c")

    bench.ledger.postpone(held, make_wait(0))

    assert [claim.job_id for claim in bench.claim(window=1)] == [job_id_of("a")]


def test_what_waits_goes_before_what_was_accepted_later_when_its_wait_is_over(bench: Bench) -> None:
    held = bench.held("a")
    bench.clock.advance(1)
    bench.submit("b", "c")

    bench.ledger.postpone(held, make_wait(90))

    bench.clock.advance(89)
    assert [claim.job_id for claim in bench.claim(window=1)] == [job_id_of("b")]
    bench.clock.advance(1)
    assert [claim.job_id for claim in bench.claim(window=2)] == [job_id_of("a")]


def test_a_wait_that_was_cancelled_gives_no_place(bench: Bench) -> None:
    bench.ledger.postpone(bench.held("a"), make_wait(90))
    bench.control.cancel(BATCH)
    bench.clock.advance(90)

    assert bench.claim() == []
    assert bench.ledger.counts(BATCH).cancelled == 1


def test_what_may_be_refused_for_itself_lets_all_others_go_first(bench: Bench) -> None:
    held = bench.held("a")
    bench.clock.advance(1)
    bench.submit("b", "c")
    bench.clock.advance(1)

    bench.ledger.postpone(held, make_wait(0, keeps_place=False))

    assert [claim.job_id for claim in bench.claim()] == [job_id_of(name) for name in "bca"]


def test_what_is_given_back_takes_no_turn_from_another_batch(bench: Bench) -> None:
    held = bench.held("a")
    bench.submit("b", batch="other")
    bench.clock.advance(1)

    bench.ledger.postpone(held, make_wait(0))

    assert [claim.batch for claim in bench.claim(window=1)] == ["other"]


def test_a_due_time_of_one_job_does_not_hold_up_the_others_of_its_batch(bench: Bench) -> None:
    bench.ledger.postpone(bench.held("a"), make_wait(7200))

    bench.submit("b")

    assert [claim.job_id for claim in bench.claim()] == [job_id_of("b")]


@pytest.mark.parametrize("keep", [True, False])
def test_a_snooze_costs_no_attempt_however_often(bench: Bench, keep: bool) -> None:
    claim = bench.claimed()
    for _ in range(2 * ATTEMPTS_MAX):
        if bench.ledger.postpone(bench.begin(claim), make_wait(0, keep=keep)) is State.PENDING:
            (claim,) = bench.claim()

    assert bench.job()["attempts"] == "0"


def test_a_backoff_costs_an_attempt_and_the_next_one_knows(bench: Bench) -> None:
    claim = bench.claimed()
    bench.ledger.postpone(bench.begin(claim), make_wait(5, keep=True, costs_attempt=True))

    assert bench.begin(claim).attempts == 1


@pytest.mark.parametrize("keep", [True, False])
def test_a_job_is_dead_when_its_attempts_are_spent(bench: Bench, keep: bool) -> None:
    claim, wait = bench.claimed(), make_wait(0, keep=keep, costs_attempt=True)
    for _ in range(ATTEMPTS_MAX - 1):
        if bench.ledger.postpone(bench.begin(claim), wait) is State.PENDING:
            (claim,) = bench.claim()

    assert bench.ledger.postpone(bench.begin(claim), wait) is State.DEAD

    assert bench.lease_ends_in_s() is None
    (letter,) = bench.control.dead_letters(BATCH, most=9)
    assert (letter.code, letter.message, letter.request_id) == REASON
    assert (letter.step, letter.attempts) == (Step.VALIDATE, ATTEMPTS_MAX)


def test_answers_429_are_counted(bench: Bench) -> None:
    for code in ("rate_limited", "rate_limited", "api_error"):
        bench.ledger.postpone(bench.held(), make_wait(0, reason=Reason(code)))

    assert bench.ledger.counts(BATCH).rate_limited == 2


def test_a_buried_job_is_a_dead_letter_with_its_reason(bench: Bench) -> None:
    held = bench.held("a", Step.CREATE_CALL)

    bench.ledger.bury(held, Reason("refused", "primaryUser is unknown", "req-9"))

    (letter,) = bench.control.dead_letters(BATCH, most=9)
    assert (letter.job_id, letter.client_unique_id) == (job_id_of("a"), "a")
    assert (letter.code, letter.message, letter.request_id) == ("refused", "primaryUser is unknown", "req-9")
    assert (letter.step, letter.attempts, letter.died_at) == (Step.CREATE_CALL, 0, bench.clock.now_s)
    assert bench.job()["state"] == "dead"
    assert bench.lease_ends_in_s() is None


def test_a_reason_without_request_has_none(bench: Bench) -> None:
    bench.ledger.bury(bench.held(), Reason("media_missing", "There is no file a.wav."))

    assert bench.control.dead_letters(BATCH, most=1)[0].request_id is None


def test_dead_letters_come_newest_first_and_no_more_than_asked_for(bench: Bench) -> None:
    for name in "abc":
        bench.ledger.bury(bench.held(name), REASON)
        bench.clock.advance(1)

    letters = bench.control.dead_letters(BATCH, most=2)

    assert [letter.client_unique_id for letter in letters] == ["c", "b"]


def test_a_claim_that_is_given_back_is_due_at_once_and_costs_nothing(bench: Bench) -> None:
    claim = bench.claimed()

    bench.ledger.give_back(claim)

    assert bench.job()["attempts"] == "0"
    assert bench.due_in_s() == 0
    (again,) = bench.claim()
    assert not again.rescued
    with pytest.raises(LeaseLost):
        bench.begin(claim)


def test_a_claim_that_somebody_else_has_by_now_is_not_given_back(bench: Bench) -> None:
    old = bench.claimed()
    bench.clock.advance(LEASE_TTL_S)
    bench.claim()

    bench.ledger.give_back(old)

    assert bench.job()["state"] == "active"
