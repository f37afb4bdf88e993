"""The forecast: never too short for either limit, and for each of several batches its own.

That it is what the limiter does is tested in `tests/integration/limiter/test_forecast.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.forecast import DAY_S, Allowance, Schedule, finish_instants, requests_left, sent_by_the_end
from pipeline.job import Counts
from tests.clocks import NOON_S
from tests.unit.overviews import make_counts

PROPERTY = settings(max_examples=40)
LEFT = st.integers(0, 3_000_000)
PACES = st.floats(0.01, 1000)
PER_DAY = st.integers(1, 1_000_000)
USED = st.integers(0, 1_000_000)
SHARES = st.sampled_from([0.0, 0.1, 1.0])
NEW_YORK = "America/New_York"


def make_allowance(**overrides: Any) -> Allowance:
    values: dict[str, Any] = {"now": NOON_S, "pace": 3.0, "requests_per_day": 10_000}
    values |= overrides
    return Allowance(**({"budget": values["requests_per_day"]} | values))


def within_s(requests: int, **allowance: Any) -> float:
    return Schedule(make_allowance(**allowance), requests).at(requests) - NOON_S


def just_now(used: int) -> dict[str, Any]:
    return {"used": used, "granted": (NOON_S,)}


@pytest.mark.parametrize(
    ("left", "used", "expected_s"),
    [
        (0, 0, 0),
        (0, 10_000, 0),
        (300, 0, 100),
        (10_000, 0, 10_000 / 3),
        (10_001, 0, DAY_S + 1),
        (300, 10_000, DAY_S + 100),
        # A limit that was lowered: more was used than a day allows now.
        (300, 20_000, DAY_S + 100),
        # A million recordings at the default limits take 200 days (`API.md`, Limits).
        (2_000_000, 0, 199 * DAY_S + 10_000 / 3),
    ],
)
def test_the_days_rest_is_used_first_and_then_whole_days(left: int, used: int, expected_s: float) -> None:
    assert within_s(left, **just_now(used)) == pytest.approx(expected_s, abs=10)


@pytest.mark.parametrize(("left", "expected_s"), [(300, 3_700), (20_000, 3_600 + DAY_S + 10_000 / 3)])
def test_a_closed_gate_comes_before_all_else(left: int, expected_s: float) -> None:
    assert within_s(left, opens_at=NOON_S + 3_600) == pytest.approx(expected_s, abs=10)


def test_what_was_used_hours_ago_comes_back_a_day_after_that() -> None:
    ago = {"used": 10_000, "granted": (NOON_S - 20 * 3600,)}

    assert within_s(300, **ago) == pytest.approx(4 * 3600 + 100, abs=10)


@pytest.mark.parametrize(
    ("left", "hours"),
    [
        (9_000, 3_000 / 3_600),
        # The last tenth of the day is let go evenly until the day ends.
        (9_500, 12),
        (9_900, 21.6),
        # A five-hundredth is never touched, so it is the next day.
        (9_990, 24),
    ],
)
def test_what_is_kept_for_live_melts_until_the_day_ends(left: int, hours: float) -> None:
    assert within_s(left, live_share=0.1) / 3600 == pytest.approx(hours, abs=0.1)


def test_what_live_uses_each_day_is_not_there() -> None:
    live = {"live_share": 0.1, "live": 500, "live_most": 600}
    a_day = make_allowance(**live).for_backfill

    # As in acquire.lua: what it uses each day, and what is kept: as much as it used in its busiest day.
    assert a_day == 10_000 - 500 - (20 + 600)
    days = within_s(100 * a_day, **live) / DAY_S
    assert days == pytest.approx(100, abs=1)


def test_a_budget_that_others_use_too_grows_back_within_a_day() -> None:
    taught = within_s(9_000, budget=1_000) / 3600

    # A thousand at once, and nine thousand more come evenly within 24 hours.
    assert taught == pytest.approx(24 * 8 / 9, abs=0.5)


@pytest.mark.parametrize(
    ("requests", "ends"),
    [
        (300, "2026-10-30T15:01:40"),
        (10_001, "2026-10-31T00:00"),
        (20_001, "2026-11-01T00:00"),
        # The clocks go back: that day has 25 hours.
        (30_001, "2026-11-02T00:00"),
        (100 * 10_000 + 1, "2027-02-07T00:00"),
    ],
)
def test_days_begin_at_midnight_where_they_do_even_when_clocks_are_changed(requests: int, ends: str) -> None:
    now, then = (
        datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK)).timestamp()
        for text in ("2026-10-30T15:00", ends)
    )

    schedule = Schedule(make_allowance(now=now, day_window=NEW_YORK), requests)

    assert schedule.at(requests) == pytest.approx(then, abs=10)


@PROPERTY
@given(left=LEFT, pace=PACES, per_day=PER_DAY, used=USED, share=SHARES)
def test_it_is_never_faster_than_the_pace_nor_than_the_days_allow(
    *, left: int, pace: float, per_day: int, used: int, share: float
) -> None:
    took_s = within_s(left, pace=pace, requests_per_day=per_day, live_share=share, **just_now(used))

    # Sums of instants since the epoch are told to a millisecond.
    assert took_s >= left / pace * (1 - 1e-9) - 1e-3
    # So many days begin, and each of them allows no more than its limit.
    days_begun = took_s // DAY_S + 1
    assert left <= max(0, per_day - used) + days_begun * per_day


@PROPERTY
@given(left=LEFT, more=LEFT, pace=PACES, per_day=PER_DAY, used=USED, share=SHARES)
def test_more_requests_never_take_less_time(
    *, left: int, more: int, pace: float, per_day: int, used: int, share: float
) -> None:
    allowance = make_allowance(pace=pace, requests_per_day=per_day, live_share=share, **just_now(used))

    schedule = Schedule(allowance, left + more)

    assert schedule.at(left) <= schedule.at(left + more) + 1e-3


@PROPERTY
@given(
    left=LEFT,
    per_day=PER_DAY,
    used=USED,
    live=USED,
    budget=USED,
    window=st.sampled_from(["rolling", NEW_YORK]),
)
def test_it_always_ends(*, left: int, per_day: int, used: int, live: int, budget: int, window: str) -> None:
    took_s = within_s(
        left,
        requests_per_day=per_day,
        budget=min(budget, per_day),
        live=live,
        live_most=live,
        live_share=0.1,
        day_window=window,
        **just_now(used),
    )

    assert 0 <= took_s < (left + 3) * DAY_S


@pytest.mark.parametrize(
    ("left", "sent"),
    [
        ([], []),
        ([7], [7]),
        # Until the smallest is done, each of the others has sent as much.
        ([10, 5, 100], [25, 15, 115]),
        ([5, 5], [10, 10]),
        ([0, 3], [0, 3]),
    ],
)
def test_who_takes_turns_with_larger_ones_is_done_first(left: list[int], sent: list[int]) -> None:
    assert sent_by_the_end(left) == sent


@PROPERTY
@given(st.lists(st.integers(0, 40), max_size=6))
def test_turns_are_counted_as_if_each_had_been_taken(left: list[int]) -> None:
    rest, sent, ends = list(left), 0, [0] * len(left)
    while any(rest):
        for index, each in enumerate(rest):
            if each:
                rest[index], sent = each - 1, sent + 1
                ends[index] = sent

    # Whoever has its turn early in a round is done a few requests before its share of that round.
    for end, share in zip(ends, sent_by_the_end(left), strict=True):
        assert end <= share <= end + len(left)


def test_a_small_batch_does_not_wait_for_a_large_one() -> None:
    small, large = (each - NOON_S for each in finish_instants([300, 300_000], make_allowance()))

    assert small == pytest.approx(200, abs=10)
    assert large == pytest.approx(30 * DAY_S + 100, abs=20)


@pytest.mark.parametrize(
    ("counts", "left"),
    [
        (make_counts(), 0),
        (make_counts(pending=40), 80),
        (make_counts(pending=30, active=10), 80),
        # three of the ten that wait are created, five are done
        (make_counts(pending=7, active=3, done=5, created=8, uploaded=5), 17),
        # every one is created and waits for its upload
        (make_counts(active=4, created=4), 4),
        (make_counts(done=40, created=40, uploaded=40), 0),
        # the dead were created as well, and say nothing of those that wait
        (make_counts(pending=5, done=5, dead=5, created=10, uploaded=5), 10),
        # the dead were never created, so too much is told rather than too little
        (make_counts(pending=5, dead=5, created=3), 10),
        (make_counts(pending=5, cancelled=5, created=5), 10),
    ],
)
def test_two_requests_for_each_recording_that_waits_less_the_creates_made(counts: Counts, left: int) -> None:
    assert requests_left(counts) == left
