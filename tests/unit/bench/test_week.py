from __future__ import annotations

import pytest

from bench.limiter_virtual.world import STARTS_AT_S
from bench.week import DAY_S, Tally, _held_to_limits, earliest_end_s, fewest_within, most_within
from pipeline.settings import Settings

DAY_US = round(DAY_S * 1e6)
SETTINGS = Settings(requests_per_day=1_000)


def sent(*, a_day: int, interval_s: float = 0.34, days: int = 4) -> Tally:
    """Send so many requests at the beginning of each day, so far apart."""
    instants = [
        STARTS_AT_S + day * (DAY_S + 1) + number * interval_s
        for day in range(days)
        for number in range(a_day)
    ]
    return Tally(sent_us=[round(instant * 1e6) for instant in instants], waited_until=instants[-1])


def broken(tally: Tally) -> list[str]:
    return [f"{each.what}: {each.measured}" for each in _held_to_limits(tally, SETTINGS) if not each.holds]


def test_who_sends_what_is_allowed_keeps_every_limit() -> None:
    assert broken(sent(a_day=998)) == []


def test_too_many_requests_in_a_second_are_seen_wherever_it_begins() -> None:
    assert broken(sent(a_day=998, interval_s=0.3)) == [
        "most requests in a rolling second: 4",
        "most requests in 1.0101 s, which is that with the margin: 4",
    ]
    # It is what the API allows, and less than the limiter promises.
    assert broken(sent(a_day=998, interval_s=0.335)) == [
        "most requests in 1.0101 s, which is that with the margin: 4"
    ]


def test_too_many_requests_in_a_day_are_seen_wherever_it_begins() -> None:
    late = sent(a_day=998)
    late.sent_us = [each - 2_000_000 * (each > late.sent_us[0] + DAY_US) for each in late.sent_us]

    assert broken(sent(a_day=1_001)) == [
        "most requests in a rolling day: 1,001",
        "most requests in a rolling day and 1 s, which is that with the way: 1,001",
    ]
    assert broken(late) == [
        "most requests in a rolling day: 1,001",
        "most requests in a rolling day and 1 s, which is that with the way: 1,004",
    ]


def test_days_that_are_used_in_part_are_seen_though_the_end_is_near_the_bound() -> None:
    assert broken(sent(a_day=960)) == ["fewest in 1.01 rolling days while recordings waited: 960"]


@pytest.mark.parametrize(
    ("instants", "span", "most"),
    [([], 10, 0), ([5], 10, 1), ([0, 9, 10, 19], 10, 2), ([0, 1, 9, 10], 10, 3), ([0, 10, 20], 10, 1)],
)
def test_the_most_are_counted_in_spans_that_begin_anywhere(instants: list[int], span: int, most: int) -> None:
    assert most_within(instants, span) == most


@pytest.mark.parametrize(
    ("instants", "ends", "fewest"),
    [
        ([0, 1, 2, 20, 21], 30, 0),
        ([0, 5, 10, 15, 20], 20, 2),
        # What comes after the end does not count, and no span reaches beyond it.
        ([0, 1, 2, 3], 8, None),
        ([0, 1, 2, 3], 9, 4),
        ([0, 1, 2, 3, 10], 10, 4),
        ([0, 1, 2, 3, 10], 12, 2),
        ([], 10, 0),
    ],
)
def test_the_fewest_are_counted_between_the_beginning_and_the_end(
    instants: list[int], ends: int, fewest: int | None
) -> None:
    assert fewest_within(instants, 10, begins_us=0, ends_us=ends) == fewest


def test_the_earliest_end_is_that_of_days_and_seconds_that_are_filled_at_once() -> None:
    def earliest_s(requests: int) -> float:
        return earliest_end_s(requests, per_second=3.0, per_day=10_000)

    assert [earliest_s(count) for count in (1, 3, 4, 9_999, 10_000)] == [0, 0, 1, 3_332, 3_333]
    assert earliest_s(10_001) == DAY_S
    # A day cannot be filled where the second allows less.
    assert earliest_end_s(86_401, per_second=1.0, per_day=1_000_000) == DAY_S
