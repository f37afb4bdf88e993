"""What was seen of the ledger, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from pipeline.events import Standing as Webhook
from pipeline.history import Endpoint, counted
from pipeline.job import Lane, Step
from pipeline.ledger import Fleet
from pipeline.limiter import Limits
from pipeline.metrics import METRICS, Kind
from pipeline.metrics import catalogue as the
from pipeline.metrics.catalogue import Metric
from pipeline.metrics.census import Census, LaneCounts
from pipeline.metrics.samples import Distribution, Sample, day_passed, samples
from pipeline.overview import Overview
from tests.clocks import NOON_S
from tests.unit.overviews import LIMITS, make_counts, make_gate, make_overview, make_upload

EMPTY = make_overview()
NONE: Mapping[str, int] = MappingProxyType({})
OF_THE_SCRAPE = {the.UP, the.BUILD, the.SCRAPE}


def make_census(**totals: int) -> Census:
    return Census(
        {Lane.LIVE: LaneCounts(1, 0, NOON_S - 90), Lane.BACKFILL: LaneCounts(7, 2, NOON_S + 60)},
        {"validate:media_missing": 3},
        totals,
    )


def found(overview: Overview, census: Census, done_by: float | None = None) -> list[Sample | Distribution]:
    return list(samples(overview, census, Webhook(3, delivered=9, dropped=2, given_up=1), done_by))


def values(
    metric: Metric, overview: Overview = EMPTY, totals: Mapping[str, int] = NONE
) -> Mapping[tuple[str, ...], float]:
    everything = found(overview, make_census(**totals))
    return {
        each.labels: each.value for each in everything if isinstance(each, Sample) and each.metric is metric
    }


def make_totals(*counters: Mapping[str, int]) -> dict[str, int]:
    return {name: number for counter in counters for name, number in counter.items()}


def test_every_metric_of_the_catalogue_is_told_with_its_labels() -> None:
    totals = make_totals(
        counted.request(Endpoint.CREATE_CALL, Lane.LIVE, 201),
        {"died:validate:media_missing": 4, "dead:live": 4},
    )
    overview = make_overview(make_counts(pending=8), uploads=(make_upload(),), webhook=Webhook(3))

    told = found(overview, make_census(**totals), NOON_S)

    assert {each.metric for each in told} | OF_THE_SCRAPE == set(METRICS)
    for each in told:
        assert len(each.labels) == len(each.metric.labels)
        assert isinstance(each, Distribution) == (each.metric.kind is Kind.HISTOGRAM)
    assert len({(each.metric.name, each.labels) for each in told}) == len(told)


def test_what_is_watched_for_its_first_event_is_there_before_it() -> None:
    """Or `increase` would not see a series that begins with 1."""
    told = {each.metric for each in found(make_overview(), Census(dict.fromkeys(Lane, LaneCounts()), {}, {}))}

    counters = {metric for metric in METRICS if metric.kind is Kind.COUNTER}
    assert counters - told == {the.REQUESTS, the.DIED}


def test_jobs_are_told_by_state_and_open_ones_by_lane() -> None:
    both = make_overview(make_counts(pending=3, done=5), make_counts(batch="b", pending=5, active=2, dead=1))

    assert values(the.JOBS, both) == {
        ("pending",): 8,
        ("active",): 2,
        ("done",): 5,
        ("dead",): 1,
        ("cancelled",): 0,
    }
    assert values(the.OPEN_JOBS, both) == {
        ("pending", "live"): 1,
        ("active", "live"): 0,
        ("pending", "backfill"): 7,
        ("active", "backfill"): 2,
    }
    assert values(the.OLDEST_DUE) == {("live",): 90, ("backfill",): 0}
    assert values(the.DEAD_LETTERS) == {("validate", "media_missing"): 3}


def test_the_webhook_is_told_as_it_stands() -> None:
    failing = make_overview(webhook=Webhook(3, failing_since=NOON_S))

    assert values(the.WEBHOOK_WAITING, failing) == {(): 3}
    assert values(the.WEBHOOK_FAILING, failing) == {(): 1}
    assert values(the.WEBHOOK_FAILING, make_overview(webhook=Webhook(0))) == {(): 0}
    assert values(the.WEBHOOK_WAITING) == values(the.WEBHOOK_FAILING) == {}
    # Counters never fall, also when no worker has the webhook any more.
    for overview in (failing, EMPTY):
        assert values(the.WEBHOOK_ENDED, overview) == {("delivered",): 9, ("dropped",): 2, ("given_up",): 1}


def test_counters_are_told_by_what_their_names_say() -> None:
    totals = {
        "requests:create_call:live:429": 2,
        "requests:upload_media:backfill:none": 1,
        "died:create_call:rejected_400": 4,
        "done:live": 6,
        "rescued": 3,
        "closed:failing": 1,
        "upload_bytes": 10,
        "upload_us": 2_500_000,
    }

    assert values(the.REQUESTS, totals=totals) == {
        ("create_call", "live", "429"): 2,
        ("upload_media", "backfill", "none"): 1,
    }
    assert values(the.DIED, totals=totals) == {("create_call", "rejected_400"): 4}
    assert values(the.ENDED, totals=totals)["done", "live"] == 6
    assert values(the.RESCUED, totals=totals) == {(): 3}
    assert values(the.CLOSINGS, totals=totals)["failing",] == 1
    assert (values(the.UPLOADED, totals=totals), values(the.UPLOADING, totals=totals)) == (
        {(): 10},
        {(): 2.5},
    )


def test_a_histogram_counts_up_to_each_bound() -> None:
    totals: dict[str, int] = {}
    for wait_s in (0.01, 0.05, 0.06, 40.0):
        for name, number in counted.wait(Lane.LIVE, wait_s).items():
            totals[name] = totals.get(name, 0) + number

    (live,) = (
        each
        for each in found(make_overview(), make_census(**totals))
        if isinstance(each, Distribution) and (each.metric, each.labels) == (the.WAIT, ("live",))
    )

    assert dict(live.buckets) == {
        "0.05": 2,
        "0.1": 3,
        **dict.fromkeys(("0.25", "0.5", "1.0", "2.0", "3.0", "5.0", "10.0", "30.0"), 3),
        "+Inf": 4,
    }
    assert live.total == pytest.approx(40.12)


@pytest.mark.parametrize("step", Step)
def test_the_longest_step_has_a_place(step: Step) -> None:
    assert f"step:{step}:14" in counted.step(step, 99_999)


def test_the_gate_is_told_by_reason() -> None:
    closed = values(the.GATE, make_overview(gate=make_gate(reason="unauthorized", mode="probe")))

    assert closed == {
        (reason,): reason == "unauthorized"
        for reason in ("rate_limited", "failing", "unauthorized", "wrong_address", "by_hand")
    }
    assert set(values(the.GATE).values()) == {0}


def test_the_budget_is_told_as_it_is_now() -> None:
    overview = make_overview()

    told = {
        metric: values(metric, overview)[()]
        for metric in (the.BUDGET, the.BUDGET_LIMIT, the.BUDGET_USED, the.BUDGET_LEFT)
    }
    assert list(told.values()) == [10_000, 10_000, 5_000, 5_000]


@pytest.mark.parametrize(
    ("overview", "is_known"),
    [
        (make_overview(make_counts(pending=10)), True),
        (make_overview(make_counts(pending=10), gate=make_gate(mode="hand", reason="by_hand")), False),
        (make_overview(make_counts(pending=10), fleet=Fleet(0, 0, 0)), False),
        (make_overview(make_counts(done=10)), False),
    ],
)
def test_the_end_is_told_where_it_is_known(overview: Overview, is_known: bool) -> None:
    assert bool(values(the.FINISH, overview)) is is_known


def test_a_paused_batch_holds_up_no_end() -> None:
    paused = make_overview(make_counts(pending=10), make_counts(batch="b", pending=99_999, paused_at=NOON_S))

    assert values(the.FINISH, paused)[()] < NOON_S + 3600
    assert values(the.BACKLOG, paused) == {(): 20}


@pytest.mark.parametrize(
    ("window", "passed"),
    [("rolling", 22.2222), ("UTC", 22.2222), ("America/New_York", 17.2222), ("Asia/Tokyo", 7.2222)],
)
def test_how_much_of_the_day_has_passed(window: str, passed: float) -> None:
    assert day_passed(NOON_S, window) * 24 == pytest.approx(passed, abs=1e-3)


def test_the_day_has_the_zone_of_the_settings() -> None:
    limits = Limits(LIMITS.requests_per_second, 10_000, 0.01, 1, 0.0, "Asia/Tokyo")

    assert values(the.DAY_PASSED, make_overview(limits=limits))[()] == pytest.approx(7.2222 / 24, abs=1e-4)


def test_what_is_not_http_is_one_status() -> None:
    names: list[Any] = [
        next(iter(counted.request(Endpoint.CREATE_CALL, Lane.LIVE, status))) for status in (999, 102)
    ]

    assert names == ["requests:create_call:live:other"] * 2
