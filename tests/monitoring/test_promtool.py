"""Prometheus's own tool finds the rules right, and each alert fires when it must and not when it must not."""

from __future__ import annotations

import subprocess
from contextlib import closing

import pytest
from prometheus_client import generate_latest
from prometheus_client.registry import CollectorRegistry

from pipeline.history import Endpoint, counted
from pipeline.job import Lane
from pipeline.metrics import register
from pipeline.settings import Settings
from pipeline.store import Store
from tests.expressions import OPS
from tests.monitoring.prometheus import program

pytestmark = pytest.mark.long
FOLDER = OPS / "prometheus"


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "alerts.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    found = subprocess.run(
        [program("promtool"), *arguments],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert found.returncode == 0, found.stdout + found.stderr
    assert "SUCCESS" in found.stdout


def test_promtool_finds_nothing_to_improve_in_a_page(store: Store, server_url: str, namespace: str) -> None:
    store.count(counted.request(Endpoint.CREATE_CALL, Lane.LIVE, 429) | {"died:validate:media_empty": 1})
    store.run("clock")
    registry = CollectorRegistry()
    with closing(register(registry, Settings(redis_url=server_url, namespace=namespace))):
        page = generate_latest(registry)

    found = subprocess.run(
        [program("promtool"), "check", "metrics"], input=page, capture_output=True, check=False, timeout=60
    )

    assert (found.returncode, found.stdout + found.stderr) == (0, b"")
    assert page.count(b"# TYPE gong_ingest") > 30
