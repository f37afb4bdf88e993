"""Alerts, dashboard and runbook name what there is, and each other."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from pipeline.job import Lane, State, Step
from pipeline.limiter import REASONS
from pipeline.metrics import METRICS
from tests.expressions import (
    ALERTS_TEST,
    OPS,
    alerts,
    dashboard,
    dashboard_expressions,
    metric_of,
    selectors,
)

ALERTS = alerts()
NAMES = [alert["alert"] for alert in ALERTS]
PANELS = dashboard()["panels"]
EXPRESSIONS = [alert["expr"] for alert in ALERTS] + dashboard_expressions()
VALUES: dict[str, set[str]] = {"state": {*State}, "lane": {*Lane}, "step": {*Step}, "reason": {*REASONS}}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_series_that_is_asked_for_exists_with_these_labels(expression: str) -> None:
    found = list(selectors(expression))
    assert found
    for selector in found:
        assert set(selector.labels) <= {*metric_of(selector.name).labels, "job"}
        for label, wanted in selector.labels.items():
            assert set(wanted.split("|")) <= VALUES.get(label, {wanted})


def test_the_dashboard_shows_every_metric() -> None:
    shown = {metric_of(each.name) for text in dashboard_expressions() for each in selectors(text)}

    assert {each.name for each in METRICS} == {each.name for each in shown}


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_says_what_it_is_about_and_where_to_read_on(alert: dict[str, Any]) -> None:
    headings = re.findall(r"^## (.+)$", (OPS / "runbook.md").read_text("utf-8"), re.MULTILINE)

    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    # the address that a Prometheus was told, so that whoever is paged can click; else the file
    base = "{{ with $externalLabels.gong_ingest_runbook }}{{ . }}{{ else }}ops/runbook.md{{ end }}"
    assert alert["annotations"]["runbook_url"] == f"{base}#{alert['alert'].lower()}"
    assert alert["alert"] in headings


def test_the_runbook_tells_of_no_alert_that_is_not_there() -> None:
    headings = re.findall(r"^## (GongIngest\w+)$", (OPS / "runbook.md").read_text("utf-8"), re.MULTILINE)

    assert headings == NAMES


def test_every_alert_is_tested_when_it_fires_and_when_not() -> None:
    cases = [
        (case["alertname"], bool(case["exp_alerts"]))
        for test in yaml.safe_load(ALERTS_TEST.read_text("utf-8"))["tests"]
        for case in test["alert_rule_test"]
    ]

    assert {(name, fires) for name in NAMES for fires in (True, False)} == set(cases)


def test_the_panels_of_the_dashboard_have_places_of_their_own() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for one, other in combinations((panel["gridPos"] for panel in PANELS), 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart
        assert one["x"] + one["w"] <= 24


def test_everything_on_the_dashboard_asks_the_prometheus_that_is_chosen() -> None:
    assert {variable["name"] for variable in dashboard()["templating"]["list"]} == {"datasource", "job"}
    sources = [
        each["datasource"]
        for panel in PANELS
        for each in (panel, *panel.get("targets", ()))
        if panel["type"] != "row"
    ]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    # whatever is scraped tells of the whole fleet, so nothing is summed over places
    assert all('job="gong-ingest"' in text for text in dashboard_expressions())
