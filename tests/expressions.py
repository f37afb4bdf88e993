"""Expressions of PromQL as they stand in ops/, and the metrics that they name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.metrics import METRICS, Kind, Metric

OPS = Path(__file__).parents[1] / "ops"
ALERTS = OPS / "prometheus" / "alerts.yml"
ALERTS_TEST = OPS / "prometheus" / "alerts_test.yml"
DASHBOARD = OPS / "grafana" / "dashboards" / "gong-ingest.json"

_SELECTOR = re.compile(r"\b(gong_ingest_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'([a-z_]+)\s*(?:=~|!=|!~|=)\s*"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Selector:
    """A series as an expression asks for it: its name, and what it wants of each label."""

    name: str
    labels: dict[str, str]


def alerts() -> list[dict[str, Any]]:
    """Read the alerts."""
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Read the dashboard."""
    read: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return read


def dashboard_expressions(job: str = "gong-ingest") -> list[str]:
    """Read what the dashboard asks for, with its variables filled in."""
    expressions = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())]
    return [each.replace("$job", job).replace("$__rate_interval", "1m") for each in expressions]


def selectors(expression: str) -> Iterator[Selector]:
    """Find every series of ours that an expression names."""
    for name, matchers in _SELECTOR.findall(expression):
        yield Selector(name, dict(_MATCHER.findall(matchers)))


def metric_of(name: str) -> Metric:
    """Find the metric of a series.

    Raises:
        KeyError: There is none.
    """
    series = {
        each.name + suffix: each
        for each in METRICS
        for suffix in (("_bucket", "_sum", "_count") if each.kind is Kind.HISTOGRAM else ("",))
    }
    return series[name]
