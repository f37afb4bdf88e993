"""The three ways to count, on a clock that the tests turn."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulator.limits import Limits, retry_after_s

POLICIES = ("fixed", "sliding", "bucket")


def make_limits(
    policy: str,
    requests_per_second: float = 3.0,
    requests_per_day: int = 10_000,
    *,
    day_s: float = 86_400.0,
    wall_start_s: float = 0.0,
) -> Limits:
    return Limits(policy, requests_per_second, requests_per_day, day_s=day_s, wall_start_s=wall_start_s)


def admitted(limits: Limits, times_s: list[float]) -> list[float]:
    return [now_s for now_s in times_s if limits.admit(now_s) == 0]


def test_fixed_counts_from_one_whole_second_of_the_wall_clock_to_the_next() -> None:
    limits = make_limits("fixed", wall_start_s=1_000.5)
    # 0.4 is 1000.9 on the wall; 0.5 is 1001.0, where the count starts again.
    assert admitted(limits, [0.4] * 5 + [0.5] * 5) == [0.4] * 3 + [0.5] * 3


def test_sliding_lets_the_next_request_in_when_the_oldest_is_a_second_old() -> None:
    limits = make_limits("sliding")
    assert admitted(limits, [0.4, 0.5, 0.6, 1.3999, 1.4, 1.45, 1.5]) == [0.4, 0.5, 0.6, 1.4, 1.5]


def test_bucket_gives_its_capacity_at_once_and_then_refills_evenly() -> None:
    limits = make_limits("bucket", 2.0)
    assert admitted(limits, [0.0, 0.0, 0.0, 0.4, 0.5, 0.6, 1.0]) == [0.0, 0.0, 0.5, 1.0]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("rate", [0.3, 0.5, 1.0, 2.5, 3.0, 7.0, 100.0])
def test_even_pacing_a_hair_below_the_limit_is_never_refused(policy: str, rate: float) -> None:
    limits = make_limits(policy, rate, 10**9)
    times_s = [number * 1.000001 / rate for number in range(1_000)]
    assert admitted(limits, times_s) == times_s


@pytest.mark.parametrize(
    ("policy", "count"),
    # 3 in 1.2 s; or what a full bucket holds, 2.5, and the 6 that flow into it.
    [("fixed", 6), ("sliding", 6), ("bucket", 8)],
)
def test_a_fractional_rate_widens_the_second(policy: str, count: int) -> None:
    limits = make_limits(policy, 2.5)
    flood_s = [number / 1_000 for number in range(2_400)]
    assert len(admitted(limits, flood_s)) == count


@pytest.mark.parametrize("policy", POLICIES)
def test_a_refused_request_takes_nothing(policy: str) -> None:
    limits = make_limits(policy, 1.0)
    assert limits.admit(0.0) == 0
    assert all(limits.admit(number / 1_000) > 0 for number in range(999))
    assert limits.admit(1.0) == 0


@pytest.mark.parametrize("policy", POLICIES)
def test_a_request_refused_by_the_day_takes_nothing_from_the_second(policy: str) -> None:
    limits = make_limits(policy, 1_000.0, 1, day_s=0.001)
    assert limits.admit(0.0) == 0
    assert limits.admit(0.0005) > 0
    assert limits.admit(0.001) == 0


@pytest.mark.parametrize("policy", POLICIES)
def test_the_wait_counts_down_to_the_instant_at_which_the_next_is_let_in(policy: str) -> None:
    limits = make_limits(policy, 1.0)
    limits.admit(0.0)
    waits_s = [limits.admit(now_s) for now_s in (0.25, 0.5, 0.75)]
    assert waits_s == pytest.approx([0.75, 0.5, 0.25])


@pytest.mark.parametrize(
    ("policy", "wait_s"), [("fixed", 86_400 - 36_001), ("sliding", 86_399), ("bucket", 43_199)]
)
def test_the_day_reopens_as_the_policy_says(policy: str, wait_s: float) -> None:
    # Ten in the morning, two requests a day.
    limits = make_limits(policy, 100.0, 2, wall_start_s=36_000)
    assert admitted(limits, [0.0, 0.0]) == [0.0, 0.0]
    assert limits.admit(1.0) == pytest.approx(wait_s)
    assert limits.admit(1.0 + wait_s) == 0


@pytest.mark.parametrize(("wait_s", "seconds"), [(0.001, 1), (1.0, 1), (1.001, 2), (43_199.5, 43_200)])
def test_retry_after_is_whole_seconds_and_never_too_early(wait_s: float, seconds: int) -> None:
    assert retry_after_s(wait_s) == seconds


gaps = st.lists(st.floats(0, 0.7, allow_nan=False), min_size=1, max_size=200)


@given(gaps=gaps, rate=st.integers(1, 5))
def test_no_span_of_a_second_holds_more_than_sliding_allows(gaps: list[float], rate: int) -> None:
    times_s = admitted(make_limits("sliding", rate), list(itertools.accumulate(gaps)))
    assert all(later - earlier >= 1.0 - 1e-9 for earlier, later in zip(times_s, times_s[rate:], strict=False))


@given(gaps=gaps, rate=st.integers(1, 5))
def test_no_span_holds_more_than_bucket_allows(gaps: list[float], rate: int) -> None:
    times_s = admitted(make_limits("bucket", rate), list(itertools.accumulate(gaps)))
    for first, last in itertools.combinations_with_replacement(range(len(times_s)), 2):
        assert last - first + 1 <= rate + rate * (times_s[last] - times_s[first]) + 1e-6


@given(gaps=gaps, rate=st.integers(1, 5), start_s=st.floats(0, 1))
def test_no_second_of_the_wall_clock_holds_more_than_fixed_allows(
    gaps: list[float], rate: int, start_s: float
) -> None:
    times_s = admitted(make_limits("fixed", rate, wall_start_s=start_s), list(itertools.accumulate(gaps)))
    seconds = [int(start_s + now_s) for now_s in times_s]
    assert all(seconds.count(second) <= rate for second in seconds)
