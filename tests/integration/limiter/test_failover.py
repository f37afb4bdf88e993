"""A server that became the primary, or started again, may not know the last slots of before."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pipeline.job import Lane
from pipeline.limiter import Limiter, Slot
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import SECOND_US, make_limits
from tests.servers import Server, running_server


@pytest.fixture
def own_server() -> Iterator[Server]:
    with running_server() as running:
        yield running


def promote(server: Server) -> None:
    server.client.replicaof("127.0.0.1", "1")
    server.client.replicaof("NO", "ONE")


@pytest.mark.parametrize("change", [promote, Server.restart])
def test_a_server_that_may_have_lost_slots_begins_with_a_silent_second(
    own_server: Server, clock: Clock, change: Callable[[Server], None]
) -> None:
    store = Store(own_server.url, "test")
    limiter = Limiter(store, make_limits(), clock=clock)
    limiter.look(Lane.LIVE)
    clock.advance(60)
    now_us = round(clock.now_s * SECOND_US)
    first = limiter.acquire(Lane.BACKFILL)
    assert isinstance(first, Slot)
    assert first.at_us == now_us

    change(own_server)
    second = limiter.acquire(Lane.BACKFILL)
    third = limiter.acquire(Lane.BACKFILL)

    assert isinstance(second, Slot)
    assert isinstance(third, Slot)
    assert second.at_us == now_us + SECOND_US
    # once; and what a replica knows is known, while a killed server may lose its last moment
    assert third.at_us == second.at_us + 336_701
    if change is promote:
        assert limiter.use().today == 3
    store.close()
