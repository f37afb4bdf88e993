"""A list of users in a time of the test's own."""

from __future__ import annotations

import pytest

from pipeline.people import Directory
from pipeline.store import Store
from tests.clocks import Clock

PAGE_TAKEN_S = 30.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(store: Store, clock: Clock) -> Directory:
    return Directory(store, taken_s=PAGE_TAKEN_S, clock=clock)
