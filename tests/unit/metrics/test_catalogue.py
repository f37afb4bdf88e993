"""The metrics' names: as Prometheus wants them, without a customer's words, and as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.metrics import METRICS, Kind, Metric

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text("utf-8")
# Words of ours and of HTTP; a batch, a file, a user or a namespace would be a customer's.
LABELS = {"result", "state", "lane", "step", "code", "endpoint", "status", "reason", "queue", "version"}


def row_of(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_name_says_what_is_measured_and_in_which_unit(metric: Metric) -> None:
    assert re.fullmatch(r"gong_ingest_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    if metric.kind is Kind.HISTOGRAM:
        assert metric.name.endswith("_seconds")
    for unit in ("millis", "_ms", "minutes", "kilo", "percent"):
        assert unit not in metric.name


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_no_label_holds_what_a_customer_named(metric: Metric) -> None:
    assert set(metric.labels) <= LABELS


def test_no_name_is_there_twice() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS) > 30


def test_the_page_names_every_metric_with_its_meaning_and_no_other() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `gong_ingest")]

    assert rows == [row_of(metric) for metric in METRICS]
