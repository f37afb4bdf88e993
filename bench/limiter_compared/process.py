"""One of the processes that send creates: each of its threads acquires, sends, and acquires again."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import Barrier
from typing import Any

from bench.limiter_compared.contenders import OPENERS, Contender
from tests.recordings import make_call

CREDENTIALS = base64.b64encode(b"demo-key:demo-secret").decode()
HEADERS = {"Content-Type": "application/json", "Authorization": f"Basic {CREDENTIALS}"}
# Whoever begins with a burst, or with a second of silence, has it behind him then.
WARM_UP_S = 2.0
STARTS_WITHIN_S = 60.0
ANSWER_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process does; `number` makes its clientUniqueIds its own."""

    contender: str
    number: int
    threads: int
    server_url: str
    api_url: str
    per_second: int
    seconds: float


@dataclass(slots=True)
class Tally:
    """What became of a thread's or a process's requests; `acquires_s` has those after the warm-up."""

    accepted: int = 0
    rejected: int = 0
    acquires_s: list[float] = field(default_factory=list)


def work(plan: Plan, ready: Any) -> Tally:
    """Work as planned, together with all who wait at `ready`; gives what became of it."""
    open_thread = OPENERS[plan.contender](plan.server_url, plan.per_second)
    all_ready = Barrier(plan.threads, action=lambda: ready.wait(STARTS_WITHIN_S))
    with ThreadPoolExecutor(plan.threads) as pool:
        threads = [pool.submit(_work, plan, thread, open_thread, all_ready) for thread in range(plan.threads)]
        tallies = [thread.result() for thread in threads]
    return Tally(
        sum(tally.accepted for tally in tallies),
        sum(tally.rejected for tally in tallies),
        [acquire_s for tally in tallies for acquire_s in tally.acquires_s],
    )


def _work(plan: Plan, thread: int, open_thread: Callable[[], Contender], ready: Barrier) -> Tally:
    contender, tally = open_thread(), Tally()
    connection = HTTPConnection(plan.api_url.removeprefix("http://"), timeout=ANSWER_WITHIN_S)
    connection.connect()
    ready.wait()
    started_at = time.monotonic()
    for number in itertools.count():
        asked_at = time.monotonic()
        contender.acquire()
        leaves_at = time.monotonic()
        if leaves_at > started_at + plan.seconds:
            break
        if asked_at > started_at + WARM_UP_S:
            tally.acquires_s.append(leaves_at - asked_at)
        _send(connection, f"{plan.number}-{thread}-{number}", contender, tally)
    connection.close()
    return tally


def _send(connection: HTTPConnection, name: str, contender: Contender, tally: Tally) -> None:
    connection.request("POST", "/v2/calls", json.dumps(make_call(name)).encode(), HEADERS)
    contender.left()
    response = connection.getresponse()
    body = response.read()
    if response.status == 429:
        tally.rejected += 1
        contender.rate_limited(float(response.headers["Retry-After"]))
    elif response.status == 200:
        tally.accepted += 1
    else:
        raise RuntimeError(f"The simulator answered {response.status}: {body!r}.")
