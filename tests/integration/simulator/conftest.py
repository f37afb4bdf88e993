"""A simulator without limits for the tests that do not care for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.simulator.client import Client, connected
from tests.simulators import Simulator, running_simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running_simulator(requests_per_second=100_000, requests_per_day=10_000_000) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    with connected(simulator) as connection:
        yield connection
