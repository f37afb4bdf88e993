"""A bench for a test, with the simulator as its API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.store import Store
from tests.integration.steps.bench import Bench, make_bench
from tests.servers import Server
from tests.simulators import Simulator, running_simulator


@pytest.fixture(scope="session")
def running_api() -> Iterator[Simulator]:
    with running_simulator(requests_per_second=100_000, requests_per_day=10_000_000) as running:
        yield running


@pytest.fixture
def api(running_api: Simulator) -> Iterator[Simulator]:
    """The API without faults, until a test sets some."""
    yield running_api
    running_api.set_faults({})


@pytest.fixture
def bench(api: Simulator, server: Server, store: Store, namespace: str, tmp_path: Path) -> Iterator[Bench]:
    with make_bench(server, store, namespace, tmp_path / "media", api.url) as ready:
        yield ready
