"""The forecast: never too short for either limit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.forecast import DAY_S, finish_in_s

PROPERTY = settings(derandomize=True, deadline=None, database=None)
LEFT = st.integers(0, 3_000_000)
PACES = st.floats(0.01, 1000)
PER_DAY = st.integers(1, 1_000_000)
USED = st.integers(0, 1_000_000)


@pytest.mark.parametrize(
    ("left", "used", "expected_s"),
    [
        (0, 0, 0),
        (0, 10_000, 0),
        (300, 0, 100),
        (10_000, 0, 10_000 / 3),
        (10_001, 0, DAY_S + 1 / 3),
        (300, 10_000, DAY_S + 100),
        # A limit that was lowered: more was used than a day allows now.
        (300, 20_000, DAY_S + 100),
        # A million recordings at the default limits take 200 days (`API.md`, Limits).
        (2_000_000, 0, 199 * DAY_S + 10_000 / 3),
    ],
)
def test_the_days_rest_is_used_first_and_then_whole_days(left: int, used: int, expected_s: float) -> None:
    assert finish_in_s(left, pace=3, requests_per_day=10_000, used_today=used) == pytest.approx(expected_s)


@pytest.mark.parametrize(("left", "expected_s"), [(300, 3_700), (20_000, DAY_S + 10_000 / 3)])
def test_a_closed_gate_comes_before_all_else(left: int, expected_s: float) -> None:
    finish_s = finish_in_s(left, pace=3, requests_per_day=10_000, used_today=0, closed_s=3_600)

    assert finish_s == pytest.approx(expected_s)


@PROPERTY
@given(left=LEFT, pace=PACES, per_day=PER_DAY, used=USED)
def test_it_is_never_faster_than_the_pace_nor_than_the_days_allow(
    left: int, pace: float, per_day: int, used: int
) -> None:
    within_s = finish_in_s(left, pace=pace, requests_per_day=per_day, used_today=used)

    assert within_s >= left / pace
    # So many days begin, and each of them allows no more than its limit.
    days_begun = within_s // DAY_S + 1
    assert left <= max(0, per_day - used) + days_begun * per_day


@PROPERTY
@given(left=LEFT, more=LEFT, pace=PACES, per_day=PER_DAY, used=USED)
def test_more_requests_never_take_less_time(
    left: int, more: int, pace: float, per_day: int, used: int
) -> None:
    def within_s(count: int) -> float:
        return finish_in_s(count, pace=pace, requests_per_day=per_day, used_today=used)

    # Both sides are sums of floats.
    assert within_s(left) <= within_s(left + more) * (1 + 1e-12)


@PROPERTY
@given(left=LEFT, pace=PACES, per_day=PER_DAY, used=USED, more=USED)
def test_what_was_used_already_never_makes_it_faster(
    left: int, pace: float, per_day: int, used: int, more: int
) -> None:
    before_s = finish_in_s(left, pace=pace, requests_per_day=per_day, used_today=used)
    after_s = finish_in_s(left, pace=pace, requests_per_day=per_day, used_today=used + more)

    assert before_s <= after_s * (1 + 1e-12)
