"""A limiter in a time of its own."""

from __future__ import annotations

import pytest

from pipeline.job import Lane
from pipeline.limiter import Limiter
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import Asker, make_limits


@pytest.fixture
def asker(store: Store) -> Asker:
    return Asker(store, make_limits())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(store: Store, clock: Clock) -> Limiter:
    """A limiter whose first second, which is silent, has passed."""
    opened = Limiter(store, make_limits(), clock=clock)
    opened.look(Lane.LIVE)
    clock.advance(60)
    return opened
