"""What is known of the server's clock from exchanges with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.limiter.clock import DRIFT, EXCHANGES_MIN, RECENT_S, ServerClock

AHEAD_S = 1_700_000_000.0
WAYS_S = st.floats(0.0, 2.0)


def exchange(
    clock: ServerClock, at: float, there_s: float, back_s: float, *, ahead_s: float = AHEAD_S
) -> None:
    """Ask at a time; question and answer take so long."""
    clock.note(at + there_s + ahead_s, sent_at=at, answered_at=at + there_s + back_s)


def off_s(clock: ServerClock, *, ahead_s: float = AHEAD_S) -> float:
    return abs(clock.here(ahead_s))


def test_the_first_exchange_is_off_by_half_its_way_at_most_and_says_so() -> None:
    clock = ServerClock()

    exchange(clock, 5.0, 0.3, 0.1)

    assert off_s(clock) == pytest.approx(0.1)
    assert clock.doubt_s == pytest.approx(0.2)


def test_one_that_took_long_takes_nothing_away_from_one_that_did_not() -> None:
    clock = ServerClock()
    exchange(clock, 5.0, 0.001, 0.001)

    exchange(clock, 6.0, 0.001, 0.5)

    assert off_s(clock) < 0.001
    assert clock.doubt_s < 0.002


def test_a_way_that_is_always_long_is_taken_to_be_as_long_back_as_there() -> None:
    clock = ServerClock()
    for number in range(EXCHANGES_MIN - 1):
        exchange(clock, 5.0 + number, 0.05, 0.05)
        assert clock.doubt_s == pytest.approx(0.05)

    exchange(clock, 9.0, 0.05, 0.05)

    assert clock.doubt_s < 0.001


def test_two_that_happened_to_be_long_are_in_doubt() -> None:
    clock = ServerClock()

    exchange(clock, 5.0, 0.999, 0.001)
    exchange(clock, 7.0, 0.949, 0.001)

    assert off_s(clock) > 0.4
    assert clock.doubt_s > off_s(clock)


def test_what_is_known_grows_old() -> None:
    clock = ServerClock()
    exchange(clock, 5.0, 0.001, 0.001)

    exchange(clock, 1005.0, 1.0, 1.0)

    assert clock.doubt_s == pytest.approx(1000 * DRIFT, rel=0.1)


@pytest.mark.parametrize("ahead_s", [AHEAD_S, AHEAD_S + 0.1], ids=["the same server", "another one"])
def test_a_way_that_became_long_for_good_is_soon_taken_as_it_is(ahead_s: float) -> None:
    clock = ServerClock()
    for number in range(100):
        exchange(clock, float(number), 0.0005, 0.0005)

    doubts = []
    for number in range(100, 1000):
        exchange(clock, float(number), 0.03, 0.03, ahead_s=ahead_s)
        doubts.append(clock.doubt_s)

    assert max(doubts[2 + 2 * round(RECENT_S) :]) < 0.001
    assert off_s(clock, ahead_s=ahead_s) < 0.001


def test_an_answer_that_took_long_after_a_pause_is_not_taken_for_what_all_take() -> None:
    clock = ServerClock()
    for number in range(100):
        exchange(clock, float(number), 0.0005, 0.0005)

    exchange(clock, 4000.0, 0.001, 0.5)

    assert clock.doubt_s > off_s(clock) - 0.001 > 0.2


@pytest.mark.parametrize("moved_s", [-60.0, -0.1, 0.1, 60.0])
def test_a_server_whose_clock_was_set_is_believed(moved_s: float) -> None:
    clock = ServerClock()
    exchange(clock, 5.0, 0.001, 0.001)

    exchange(clock, 6.0, 0.002, 0.001, ahead_s=AHEAD_S + moved_s)

    assert off_s(clock, ahead_s=AHEAD_S + moved_s) < 0.002
    assert clock.doubt_s < 0.002


@given(ways=st.lists(st.tuples(WAYS_S, WAYS_S), min_size=1, max_size=20), drift=st.floats(-DRIFT, DRIFT))
def test_it_is_never_off_by_more_than_half_of_what_is_left_open(
    ways: list[tuple[float, float]], drift: float
) -> None:
    clock, at = ServerClock(), 100.0
    for there_s, back_s in ways:
        ahead_s = AHEAD_S + drift * (at + there_s)
        exchange(clock, at, there_s, back_s, ahead_s=ahead_s)
        at += there_s + back_s
        unknowable_s = clock.always_s / 2
        drifted_s = (
            DRIFT * (there_s + back_s) + 1e-6
        )  # since it was read, and what the digits of an epoch leave
        assert off_s(clock, ahead_s=ahead_s) <= clock.doubt_s + unknowable_s + drifted_s
        assert clock.doubt_s <= (there_s + back_s) / 2 + 1e-6
        at += 10.0
