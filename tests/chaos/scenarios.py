"""Scenarios: tests that run side by side, because most of their time they wait.

All that were selected run in a few threads from the moment that the first of them is asked for, those that
wait longest first; each test then waits for its own, and tells what was told in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.chaos.telling import keep_told, tell

# Each is a system of some twenty processes.
SIDE_BY_SIDE = 3

Scenario = Callable[[], Any]
Test = TypeVar("Test", bound=Callable[..., None])


@dataclass(slots=True)
class Run:
    """A scenario that runs, or ran.

    Attributes:
        told: What it told and nobody heard yet.
    """

    future: Future[Any]
    told: list[str] = field(default_factory=list)

    def result(self) -> Any:
        """Wait for its end, tell what it told, and give what it returned or raise what it raised."""
        try:
            return self.future.result()
        finally:
            tell(*self.told)
            self.told.clear()


Running = dict[Scenario, Run]

# Of each scenario how long it does nothing but wait, in seconds; and the scenarios that a test waits for.
_WAITS_S: dict[Scenario, float] = {}
_SCENARIO_OF: dict[object, Scenario] = {}


def scenario(*, waits_s: float = 0.0) -> Callable[[Scenario], Callable[[Running], None]]:
    """Make a test of a function that sets up all that it needs."""

    def decorate(function: Scenario) -> Callable[[Running], None]:
        def test(side_by_side: Running) -> None:
            side_by_side[function].result()

        _WAITS_S[function] = waits_s
        _SCENARIO_OF[test] = function
        return test

    return decorate


def looks_at(function: Scenario) -> Callable[[Test], Test]:
    """Say that a test looks at the result of a scenario, which it shares with others."""

    def decorate(test: Test) -> Test:
        _WAITS_S.setdefault(function, 0.0)
        _SCENARIO_OF[test] = function
        return test

    return decorate


def start(tests: Iterable[object], pool: ThreadPoolExecutor) -> Running:
    """Start the scenarios of these tests, each once."""
    wanted = dict.fromkeys(_SCENARIO_OF[test] for test in tests if test in _SCENARIO_OF)
    ordered = sorted(wanted, key=lambda each: -_WAITS_S[each])
    return {each: _start_one(each, pool) for each in ordered}


def _start_one(function: Scenario, pool: ThreadPoolExecutor) -> Run:
    told: list[str] = []

    def run() -> Any:
        began = time.monotonic()
        with keep_told(told):
            try:
                return function()
            finally:
                tell(f"It took {time.monotonic() - began:.1f} s.")

    return Run(pool.submit(run), told)
