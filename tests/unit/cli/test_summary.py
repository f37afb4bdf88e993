"""What a backfill says at its end; what it says to programs is a contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.cli.summary import Summary, where_it_stopped
from pipeline.job import State
from pipeline.limiter import Use
from tests.unit.overviews import make_counts


def make_summary(**overrides: Any) -> Summary:
    values: dict[str, Any] = {
        "counts": make_counts(
            pending=1, active=2, done=30, dead=4, created=34, adopted=3, requests=90, rate_limited=5
        ),
        "before": make_counts(done=10, created=10, requests=20, rate_limited=1),
        "total": 45,
        "is_whole": True,
        "submitted": 25,
        "updated": 3,
        "known": 12,
        "rejected": 8,
        "elsewhere": [],
        "use": Use(today=70, count=70, span_s=23.0),
        "seconds": 24.56789,
    }
    return Summary(**(values | overrides))


def test_the_document_has_exactly_these_fields() -> None:
    document = make_summary().document()

    assert list(document.items()) == [
        ("batch", "calls"),
        ("total", 45),
        ("submitted", 25),
        ("updated", 3),
        ("rejected", 8),
        ("done", 30),
        ("dead", 4),
        ("cancelled", 0),
        ("adopted", 3),
        ("requests", 70),
        ("rate_limited", 4),
        ("seconds", 24.568),
    ]
    assert json.loads(json.dumps(document)) == document


def test_it_is_told_when_the_batch_has_more_than_the_manifest() -> None:
    assert not make_summary().has_others  # 37 in the ledger, and the rows of 40
    assert make_summary(submitted=3, updated=0, known=0).has_others


def test_recordings_that_an_earlier_batch_has_are_counted_with_it() -> None:
    elsewhere = [State.DONE, State.DONE, State.DEAD, State.PENDING, State.ACTIVE, State.CANCELLED, None]

    summary = make_summary(elsewhere=elsewhere)

    assert (summary.done, summary.dead, summary.cancelled, summary.waiting) == (32, 5, 1, 5)


@pytest.mark.parametrize(
    ("use", "share"),
    [
        (Use(today=0, count=0, span_s=0.0), None),
        (Use(today=1, count=1, span_s=0.0), None),
        (Use(today=2, count=2, span_s=0.0), None),
        # seventy requests stand sixty-nine intervals apart
        (Use(today=70, count=70, span_s=23.0), 1.0),
        (Use(today=70, count=70, span_s=46.0), 0.5),
    ],
)
def test_the_share_of_the_rate_is_measured_between_first_and_last_request(
    use: Use, share: float | None
) -> None:
    assert make_summary(use=use).share_of_rate(3.0) == (share if share is None else pytest.approx(share))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({}, "Stopped with 3 recordings to go."),
        (
            {"is_whole": False, "total": 10_000},
            "Stopped when 10,000 rows had been handed in, with 3 recordings of the batch to go.",
        ),
        (
            {"is_whole": False, "total": 1},
            "Stopped when 1 row had been handed in, with 3 recordings of the batch to go.",
        ),
        ({"is_whole": False, "total": 0}, "Stopped before a row was handed in."),
    ],
)
def test_who_is_stopped_is_told_of_the_rows_that_were_not_read(overrides: dict[str, Any], told: str) -> None:
    assert where_it_stopped(make_summary(**overrides)) == told
