"""A bench for each test."""

from __future__ import annotations

import pytest

from pipeline.ledger import Control, Ledger
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.ledger.bench import Bench
from tests.servers import Server


@pytest.fixture
def bench(server: Server, namespace: str, store: Store) -> Bench:
    return Bench(server, namespace, store)


@pytest.fixture
def ledger(bench: Bench) -> Ledger:
    return bench.ledger


@pytest.fixture
def control(bench: Bench) -> Control:
    return bench.control


@pytest.fixture
def clock(bench: Bench) -> Clock:
    return bench.clock
