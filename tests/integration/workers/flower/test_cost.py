"""What a page asks of the ledger: the same with a hundred jobs as with thousands."""

from __future__ import annotations

import pytest

from tests.flowers import Flower, running_flower
from tests.ledgers import Filled
from tests.servers import Server, running_server

SMALL, LARGE = 20, 10_000
PATHS = ["/batches", "/batch?name=calls", "/budget"]


def commands(server: Server) -> int:
    """Count what the server was asked, by scripts as well."""
    stats = server.client.info("commandstats")
    return sum(each["calls"] for name, each in stats.items() if name not in {"cmdstat_info", "cmdstat_ping"})


def cost(flower: Flower, server: Server, path: str) -> int:
    """Count the commands that one look at a page takes; Flower's own beside it make the least count."""
    counted = []
    for _ in range(5):
        before = commands(server)
        assert flower.get(path).status == 200
        counted.append(commands(server) - before)
    return min(counted)


@pytest.mark.long
def test_a_page_asks_for_counters_only() -> None:
    with running_server() as server:
        filled = Filled.on(server.url, "cost")
        filled.submit("calls", [f"pbx-{number}" for number in range(SMALL)])
        filled.bring_in(5)
        with running_flower(server.url, "cost", "--enable-events=False") as flower:
            few = {path: cost(flower, server, path) for path in PATHS}
            filled.submit("calls", [f"more-{number}" for number in range(LARGE)])
            many = {path: cost(flower, server, path) for path in PATHS}
        filled.close()
    assert {path: many[path] - few[path] for path in PATHS if many[path] > few[path] + 2} == {}
    assert max(few.values()) < 150, few
