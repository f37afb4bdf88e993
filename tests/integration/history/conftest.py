"""A history in a time of the test's own."""

from __future__ import annotations

import pytest

from pipeline.history import History
from pipeline.store import Store
from tests.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def history(store: Store, clock: Clock) -> History:
    return History(store, clock=clock)
