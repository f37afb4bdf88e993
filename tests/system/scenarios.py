"""Scenarios: tests whose commands run side by side, because most of their time they wait.

Each gets a machine and an API of its own. All that were selected run in a few threads from the moment that
the first of them is asked for; each test then waits for its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.simulators import Simulator, running_simulator
from tests.system.machine import Machine

# An API whose limits no scenario reaches, and a machine that is almost as fast as it allows.
LIMITS = {"requests_per_second": 200, "requests_per_day": 1_000_000}
PACE: dict[str, str | None] = {"GONG_INGEST_REQUESTS_PER_SECOND": "150"}

Scenario = Callable[[Machine, Simulator, Path], None]
Run = Callable[[Path], None]
Running = Mapping[object, Future[None]]

# By the test that waits for it.
RUNS: dict[object, Run] = {}


def scenario(**simulator_options: Any) -> Callable[[Scenario], Callable[[Running], None]]:
    """Make a test of a function of a machine, an API and a folder; the options are the simulator's."""

    def decorate(function: Scenario) -> Callable[[Running], None]:
        def run(folder: Path) -> None:
            with set_up(folder, **simulator_options) as (machine, simulator):
                function(machine, simulator, folder)

        def test(running: Running) -> None:
            running[test].result()

        RUNS[test] = run
        return test

    return decorate


@contextmanager
def set_up(folder: Path, **simulator_options: Any) -> Iterator[tuple[Machine, Simulator]]:
    """Run an API and give a machine whose settings name it."""
    with (
        running_simulator(**(LIMITS | simulator_options)) as simulator,
        Machine(folder / "machine", PACE | {"GONG_BASE_URL": simulator.url}) as machine,
    ):
        yield machine, simulator
