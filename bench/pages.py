"""Measures the pages for Flower on a ledger of a hundred batches and a million jobs, beside one of few jobs.

From the request to the last byte, from a client on this machine; Flower asks the server, forecasts the end of
every batch, and writes the page.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.results import Table
from pipeline.job import Step, job_id_of
from tests.flowers import Flower, running_flower
from tests.ledgers import Filled
from tests.servers import Server, running_server

NAMESPACE = "bench"
BATCHES = 100
REPEATS = 50
# What a person takes for at once.
BOUND_MS = 100
FEW = 1_000


def run(jobs: int) -> Iterator[Table]:
    """Measure with few jobs, and with so many."""
    few, many = _measured(FEW), _measured(jobs)
    rows = [(path, *few[path], *many[path]) for path in few]
    columns = (
        "page",
        *(f"{what}, {count:,} jobs" for count in (FEW, jobs) for what in ("median ms", "processor ms")),
    )
    notes = (
        f"{BATCHES} batches, half of them paused. Processor time is that of Flower and of the server, for "
        f"where others use the machine meanwhile. The bound is {BOUND_MS} ms for each but the search by "
        "callId, which looks at every row."
    )
    yield Table("Pages in Flower", notes, columns, rows)


def _measured(jobs: int) -> dict[str, tuple[str, str]]:
    """Fill a ledger and look at each page again and again: median and processor time, in milliseconds."""
    with running_server() as server:
        filled = Filled.on(server.url, NAMESPACE)
        _fill(filled, jobs)
        with running_flower(server.url, NAMESPACE, "--enable-events=False") as flower:
            paths = {
                "/batches": "/batches",
                "/batch": "/batch?name=batch-99&code=media_missing",
                "/call": f"/call/{job_id_of('batch-99-0')}",
                "/budget": "/budget",
                "search by clientUniqueId": "/call?q=batch-50-1",
                "search by callId": "/call?q=7782342274025937895",
            }
            found = {name: _timed(flower, server, path) for name, path in paths.items()}
        filled.close()
    return found


def _fill(filled: Filled, jobs: int) -> None:
    each = jobs // BATCHES
    for number in range(BATCHES):
        batch = f"batch-{number}"
        filled.submit(batch, [f"{batch}-{job}" for job in range(each)])
        filled.bury({"media_missing": (Step.VALIDATE, "Gone.", 2)})
        if number % 2:
            filled.control.pause(batch)
    filled.ledger.join_fleet("bench", calls=4, media=4, ttl_s=3_600)


def _timed(flower: Flower, server: Server, path: str) -> tuple[str, str]:
    took, repeats = [], 3 if "q=77" in path else REPEATS
    flower.get(path)
    used_s = _processor_s(flower, server)
    for _ in range(repeats):
        began = time.perf_counter()
        flower.get(path)
        took.append((time.perf_counter() - began) * 1000)
    return f"{median(took):.0f}", f"{(_processor_s(flower, server) - used_s) / repeats * 1000:.0f}"


def _processor_s(flower: Flower, server: Server) -> float:
    """Say how much processor time both have used, as far as Linux tells."""
    fields = Path(f"/proc/{flower.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    used = server.client.info("cpu")
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK") + float(used["used_cpu_user"] + used["used_cpu_sys"])
