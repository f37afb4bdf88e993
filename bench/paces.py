"""What handing in costs beside a bare pipelined HSET: on the wall clock, and of the processors of both sides.

The slower side is the one that counts, as both work at the same time: so they are told apart. Processor time
is for where others use the machine meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.servers import Server

COLUMNS = ("", "rows a second", "µs of the client", "µs of the server", "ratio", "ratio by the client's time")


@dataclass(frozen=True, slots=True)
class Pace:
    """What one row costs, in microseconds."""

    wall_us: float
    client_us: float
    server_us: float


def pace_of(server: Server, rows: int, action: Callable[[], object]) -> Pace:
    """Measure what hands so many rows in, on an empty server."""
    server.client.execute_command("FLUSHALL", "SYNC")
    server_s, client_s, began_s = _server_s(server), time.process_time(), time.perf_counter()
    action()
    wall_s, client_s = time.perf_counter() - began_s, time.process_time() - client_s
    each_s = (wall_s, client_s, _server_s(server) - server_s)
    return Pace(*(seconds / rows * 1e6 for seconds in each_s))


def lines_of(name: str, bare: Sequence[Pace], ours: Sequence[Pace]) -> list[tuple[str, ...]]:
    """Write both ways, which were measured by turns."""
    pairs = list(zip(bare, ours, strict=True))
    ratio = median(one.wall_us / other.wall_us for one, other in pairs)
    by_client = median(one.client_us / other.client_us for one, other in pairs)
    return [
        ("bare pipelined HSET", *_texts(bare), "", ""),
        (name, *_texts(ours), f"{ratio:.2f}", f"{by_client:.2f}"),
    ]


def _texts(paces: Sequence[Pace]) -> tuple[str, str, str]:
    return (
        f"{1e6 / median(each.wall_us for each in paces):,.0f}",
        f"{median(each.client_us for each in paces):.1f}",
        f"{median(each.server_us for each in paces):.1f}",
    )


def _server_s(server: Server) -> float:
    used = server.client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])
