"""Runs the scenarios that were selected."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.scenarios import SIDE_BY_SIDE, Running, start


@pytest.fixture(scope="session")
def side_by_side(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Every selected scenario."""
    tests = [item.function for item in request.session.items if isinstance(item, pytest.Function)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield start(tests, pool)
        pool.shutdown(cancel_futures=True)
