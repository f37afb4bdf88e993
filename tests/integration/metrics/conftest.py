"""A ledger to be scraped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.registry import CollectorRegistry

from pipeline.metrics import LedgerCollector, register
from pipeline.settings import Settings
from pipeline.store import Store
from tests.integration.ledger.bench import Bench
from tests.servers import Server


@pytest.fixture
def bench(server: Server, namespace: str, store: Store) -> Bench:
    return Bench(server, namespace, store)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def collector(registry: CollectorRegistry, server_url: str, namespace: str) -> Iterator[LedgerCollector]:
    registered = register(registry, Settings(redis_url=server_url, namespace=namespace))
    yield registered
    registered.close()
