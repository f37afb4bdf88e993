"""Measures what other systems hand in by: one call after another, many at once, and the import before.

Every recording is checked on the way, as it comes from outside. `enqueue` waits for each answer;
`enqueue_many` is taken by turns with a bare pipelined HSET of the same bodies, and their ratio counts. The
server writes its append-only file, as the embedded one does.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from statistics import median
from typing import Any

from bench.figures import percentile
from bench.paces import COLUMNS, lines_of, pace_of
from bench.results import Table
from pipeline import Pipeline
from pipeline.call import encode_call
from pipeline.job import Receipt, job_id_of
from pipeline.settings import Settings
from tests.recordings import make_long_call
from tests.servers import Server, running_server

HSET_BUNDLE = 500
THREADS = 8
# What redis-py takes of it, and all of it; without the start of Python.
IMPORTED = ("import redis", "from pipeline import Pipeline")
TIMED = """
import time
began = time.perf_counter()
{}
print(time.perf_counter() - began)
"""


def run(*, rows: int = 20_000, turns: int = 5, imports: int = 9) -> Iterator[Table]:
    """Hand in so many recordings by each way, in turns; then import what does it so often."""
    calls = [make_long_call(number) for number in range(rows)]
    with running_server() as server, Pipeline(Settings(redis_url=server.url)) as pipeline:
        yield _one_by_one(server, pipeline, calls, turns)
        yield _many(server, pipeline, calls, turns)
    yield _importing(imports)


def _one_by_one(server: Server, pipeline: Pipeline, calls: Sequence[dict[str, Any]], turns: int) -> Table:
    """Hand in what is new, what is known, by several threads, and to a server that answers first."""
    lines = []
    for what, is_new, threads, synced in (
        ("enqueue, new", True, 1, "always"),
        ("enqueue, known", False, 1, "always"),
        (f"enqueue, new, by {THREADS} threads", True, THREADS, "always"),
        ("enqueue, new, on a server that answers first (everysec)", True, 1, "everysec"),
    ):
        server.client.config_set("appendfsync", synced)
        rates, times_s = [], []
        for _ in range(turns):
            if is_new:
                server.client.flushall()
            began = time.perf_counter()
            enqueue = partial(_enqueue_s, pipeline, is_new=is_new)
            with ThreadPoolExecutor(threads) as pool:
                took_s = list(map(enqueue, calls) if threads == 1 else pool.map(enqueue, calls))
            rates.append(len(calls) / (time.perf_counter() - began))
            times_s += took_s
        p99_ms = percentile(times_s, 0.99) * 1000
        lines.append((what, f"{median(rates):,.0f}", f"{median(times_s) * 1000:.2f}", f"{p99_ms:.2f}"))
    server.client.config_set("appendfsync", "always")
    notes = (
        f"{len(calls):,} calls of about 700 bytes, one after another from one process; medians of {turns}. "
        "What is new is on the disk when it is answered, so the disk says how fast; several at once share it."
    )
    return Table("One by one", notes, ("", "a second", "median ms", "p99 ms"), lines)


def _enqueue_s(pipeline: Pipeline, call: dict[str, Any], *, is_new: bool) -> float:
    began = time.perf_counter()
    receipt = pipeline.enqueue(call, media="a.wav")
    took_s = time.perf_counter() - began
    if receipt.is_new is not is_new:
        raise RuntimeError(f"{call['clientUniqueId']} is {receipt.result}")
    return took_s


def _many(server: Server, pipeline: Pipeline, calls: Sequence[dict[str, Any]], turns: int) -> Table:
    bare, many = [], []
    for _ in range(turns):
        bare.append(pace_of(server, len(calls), lambda: _hset(server, calls)))
        many.append(pace_of(server, len(calls), lambda: _enqueue_many(pipeline, calls)))
    notes = f"{len(calls):,} calls a turn, each checked on the way; medians of {turns}."
    return Table("Many at once", notes, COLUMNS, lines_of("enqueue_many", bare, many))


def _hset(server: Server, calls: Sequence[dict[str, Any]]) -> None:
    remaining = iter(calls)
    while bundle := list(islice(remaining, HSET_BUNDLE)):
        pipe = server.client.pipeline(transaction=False)
        for call in bundle:
            pipe.hset(f"bare:{job_id_of(call['clientUniqueId'])}", "body", encode_call(call))
        pipe.execute()


def _enqueue_many(pipeline: Pipeline, calls: Sequence[dict[str, Any]]) -> None:
    answers = pipeline.enqueue_many({"call": call, "media": "a.wav"} for call in calls)
    if not all(isinstance(answer, Receipt) and answer.is_new for answer in answers):
        raise RuntimeError("not every recording is new")


def _importing(times: int) -> Table:
    times_s = [[_import_s(statement) for statement in IMPORTED] for _ in range(times)]
    lines = [
        (statement, f"{median(its_s) * 1000:,.0f}")
        for statement, its_s in zip(IMPORTED, zip(*times_s, strict=True), strict=True)
    ]
    return Table("The import", f"In a fresh process each; medians of {times}.", ("", "ms"), lines)


def _import_s(statement: str) -> float:
    program = [sys.executable, "-c", TIMED.format(statement)]
    return float(subprocess.run(program, capture_output=True, check=True).stdout)
