"""When the gate was closed, and why."""

from __future__ import annotations

import pytest

from pipeline.history import Closing, History
from pipeline.job import Lane
from pipeline.limiter import Limiter, Slot
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import open_limiter


@pytest.fixture
def limiter(store: Store, clock: Clock) -> Limiter:
    return open_limiter(store, clock)


def spans(history: History) -> list[tuple[str, float | None]]:
    """Give the reason of each closing and how long it lasted, the first one first."""
    return [
        (each.reason, None if each.until is None else round(each.until - each.since, 3))
        for each in reversed(history.gate_closings())
    ]


def test_an_open_gate_was_never_closed(limiter: Limiter, history: History) -> None:
    assert limiter.gate() is None
    assert history.gate_closings() == ()


def test_a_closing_is_told_with_reason_detail_and_times(
    limiter: Limiter, history: History, clock: Clock
) -> None:
    limiter.close_for(30, "The API's limit is\nreached (429)")

    assert history.gate_closings() == (
        Closing("rate_limited", "timed", clock.now_s, clock.now_s + 30, "The API's limit is\nreached (429)"),
    )


def test_more_of_the_same_is_one_closing(limiter: Limiter, history: History, clock: Clock) -> None:
    limiter.close_for(30, "429")
    clock.advance(10)
    limiter.close_for(60, "429")
    limiter.close_for(1, "429")

    assert spans(history) == [("rate_limited", 70)]


def test_one_that_came_later_is_another(limiter: Limiter, history: History, clock: Clock) -> None:
    limiter.close_for(30, "429")
    clock.advance(31)
    limiter.close_for(5, "429")

    assert spans(history) == [("rate_limited", 30), ("rate_limited", 5)]


@pytest.mark.parametrize("opened_by", ["a probe", "hand"])
def test_the_end_of_a_closing_is_known_when_it_is_there(
    limiter: Limiter, history: History, clock: Clock, opened_by: str
) -> None:
    limiter.close_unauthorized("401")
    limiter.close_unauthorized("401")
    assert spans(history) == [("unauthorized", None)]

    clock.advance(20)
    probe = limiter.acquire(Lane.LIVE)
    assert isinstance(probe, Slot)
    limiter.note_success(probe) if opened_by == "a probe" else limiter.open_by_hand()

    assert spans(history) == [("unauthorized", 20)]


def test_a_timed_gate_that_is_opened_by_hand_ends_then(
    limiter: Limiter, history: History, clock: Clock
) -> None:
    limiter.close_for(300, "429")
    clock.advance(10)
    limiter.open_by_hand()
    clock.advance(1)
    limiter.open_by_hand()

    assert spans(history) == [("rate_limited", 10)]


def test_a_graver_reason_ends_a_milder_one_and_not_the_other_way_round(
    limiter: Limiter, history: History, clock: Clock
) -> None:
    limiter.close_for(300, "429")
    clock.advance(10)
    limiter.close_by_hand("maintenance")
    clock.advance(10)
    limiter.close_for(300, "429")
    limiter.note_failure("500", failures_to_close=1)

    assert spans(history) == [("rate_limited", 10), ("by_hand", None)]


def test_the_list_has_a_bound(limiter: Limiter, history: History, clock: Clock) -> None:
    for number in range(205):
        limiter.close_for(1, str(number))
        clock.advance(2)

    closings = history.gate_closings()
    assert (len(closings), closings[0].detail, closings[-1].detail) == (200, "204", "5")
