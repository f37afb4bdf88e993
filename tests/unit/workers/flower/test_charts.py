"""Charts and bars, and what stands in them."""

from __future__ import annotations

import re

import pytest

from pipeline.history import Answered, Endpoint, Minute, Part, Throughput
from pipeline.job import Lane
from pipeline.limiter import ROLLING, Day, Limits
from tests.clocks import NOON_S
from tests.unit.overviews import make_counts, make_overview
from workers.flower.bar import bar_of
from workers.flower.batch import PARTS_MIN, chart_of_batch, end_of_chart
from workers.flower.batches import an_hour
from workers.flower.budget import BAR_MINUTES, Return, chart_of_day, kept_for_live, returns_of
from workers.flower.chart import HEIGHT, Series, chart_of, nice

DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("value", "top"), [(1, 1), (1.5, 2), (3, 4), (4.1, 5), (6, 8), (9, 10), (10, 10), (11, 20), (180, 200)]
)
def test_the_upper_edge_is_a_round_number(value: float, top: float) -> None:
    assert nice(value) == top


def test_bars_stand_on_those_below_them() -> None:
    chart = chart_of([Series("done", "done", [8, 0]), Series("dead", "dead", [2, 5])])
    assert chart.top == 10
    done, dead = (path for _, path in chart.paths)
    # the first bar of the upper series begins where the lower one ends
    assert re.findall(r"M0\.0 ([\d.]+)V([\d.]+)", done) == [(f"{HEIGHT}", "32.0")]
    assert re.findall(r"M0\.0 ([\d.]+)V([\d.]+)", dead) == [("32.0", "0.0")]
    assert done.count("M") == 1, "nothing is drawn of nothing"


def test_a_limit_is_within_the_chart() -> None:
    chart = chart_of([Series("a", "a", [100.0])], limit=180)
    assert (chart.top, chart.limit_y) == (200, 16.0)
    assert chart_of([Series("a", "a", [])]).limit_y is None
    # far above, it would leave nothing to be seen
    low = chart_of([Series("a", "a", [10.0])], limit=180)
    assert (low.top, low.limit_y) == (10, None)
    assert chart_of([Series("a", "a", [0.0])], limit=180).top == 200


def test_the_bar_of_a_batch_says_in_words_what_it_shows() -> None:
    bar = bar_of(make_counts(done=999, dead=1, active=0, pending=0))
    assert bar.label == "99.9 % done, 1 dead"
    assert [(part.name, part.width) for part in bar.parts if part.count] == [
        ("done", "99.900%"),
        ("dead", "0.100%"),
    ]
    assert bar_of(make_counts()).label == "0 % done"


def test_the_chart_of_a_young_batch_has_room() -> None:
    throughput = Throughput(60.0, (Part(600.0, 3, 1), Part(660.0, 2, 0)))
    chart = chart_of_batch(throughput)
    assert chart
    assert [len(series.values) for series in chart.series] == [PARTS_MIN, PARTS_MIN]
    assert end_of_chart(throughput) == 600.0 + PARTS_MIN * 60
    assert chart_of_batch(Throughput(60.0)) is None


def test_the_pace_is_that_of_the_last_part_and_of_the_one_under_way() -> None:
    parts = (Part(0.0, 600, 0), Part(60.0, 10, 2), Part(120.0, 3, 0))
    assert an_hour(Throughput(60.0, parts), since=0.0, now=150.0) == 15 / 90 * 3600
    # it has only begun
    assert an_hour(Throughput(60.0, (Part(60.0, 5, 0),)), since=90.0, now=100.0) == 5 / 10 * 3600
    assert an_hour(Throughput(60.0), since=0.0, now=100.0) is None


def test_requests_a_minute_are_told_by_lane_and_refused_ones_apart() -> None:
    sort = (Endpoint.CREATE_CALL, Lane.BACKFILL, Answered.OK)
    minutes = [
        Minute(
            60.0 * number,
            {sort: 10, (sort[0], Lane.LIVE, Answered.OK): 5, (*sort[:2], Answered.RATE_LIMITED): 1},
        )
        for number in range(BAR_MINUTES)
    ]
    minutes += [Minute(60.0 * number) for number in range(BAR_MINUTES, 2 * BAR_MINUTES)]
    chart = chart_of_day(minutes, 180)
    assert {series.name: list(series.values) for series in chart.series} == {
        "backfill": [10.0, 0.0],
        "live": [5.0, 0.0],
        "refused": [1.0, 0.0],
    }


def test_a_rolling_day_comes_back_bit_by_bit() -> None:
    granted = tuple(NOON_S - DAY_S + 100.0 * (number + 1) for number in range(10))
    overview = make_overview(day=Day(NOON_S, 1_000, granted=granted))
    assert returns_of(overview) == [
        Return(100, NOON_S + 101),
        Return(200, NOON_S + 201),
        Return(500, NOON_S + 501),
        Return(1_000, NOON_S + 1_001),
    ]


def test_a_day_of_the_calendar_comes_back_at_its_midnight() -> None:
    limits = Limits(3.0, 10_000, 0.01, 1, 0.0, "UTC")
    (found,) = returns_of(make_overview(limits=limits, day=Day(NOON_S, 700)))
    assert found.requests == 700
    assert found.at % DAY_S == 0
    assert NOON_S < found.at <= NOON_S + DAY_S


def test_nothing_comes_back_where_nothing_is_used() -> None:
    assert returns_of(make_overview(day=Day(NOON_S, 0))) == []


@pytest.mark.parametrize(
    ("window", "day", "kept"),
    [
        # A tenth of the day while nothing of it was used, and less the nearer its end is.
        (ROLLING, Day(NOON_S, 0), 1_000),
        (ROLLING, Day(NOON_S, 9, granted=(NOON_S,)), 1_001),
        (ROLLING, Day(NOON_S, 9, granted=(NOON_S - 18 * 3600, NOON_S)), 251),
        # Of a day that rolls never less than live may want.
        (ROLLING, Day(NOON_S, 9, live_most=70, granted=(NOON_S - DAY_S + 60, NOON_S)), 90),
        ("UTC", Day(NOON_S, 9, live_most=70, granted=(NOON_S,)), 75),
        ("UTC", Day(NOON_S + 6_340, 9, live_most=70, granted=(NOON_S,)), 1),
    ],
)
def test_what_is_kept_for_live_melts_until_the_day_ends(window: str, day: Day, kept: int) -> None:
    assert kept_for_live(make_overview(limits=Limits(3.0, 10_000, 0.01, 1, 0.1, window), day=day)) == kept


def test_nothing_is_kept_for_live_that_has_no_share() -> None:
    assert kept_for_live(make_overview()) == 0
