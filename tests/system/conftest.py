"""Runs the scenarios that were selected."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.system.scenarios import RUNS, Running

# Each starts a server and two workers with four processes each, and then waits for the most part.
SIDE_BY_SIDE = 3


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Every selected scenario, by its test."""
    functions = [item.function for item in request.session.items if isinstance(item, pytest.Function)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {
            test: pool.submit(RUNS[test], tmp_path_factory.mktemp("scenario"))
            for test in functions
            if test in RUNS
        }
        pool.shutdown(cancel_futures=True)
