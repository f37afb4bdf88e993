"""A limiter in a time of its own."""

from __future__ import annotations

import pytest

from pipeline.limiter import Limiter
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import Asker, make_limits, open_limiter


@pytest.fixture
def asker(store: Store) -> Asker:
    return Asker(store, make_limits())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(store: Store, clock: Clock) -> Limiter:
    return open_limiter(store, clock)
