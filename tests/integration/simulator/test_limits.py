"""The limits as a client meets them, and as the record proves them."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from tests.integration.simulator.client import AUTHORIZATION, Client, Reply, connected, wait_for_requests
from tests.simulators import Simulator, running_simulator

# The record rounds its times to microseconds.
ROUNDING_S = 5e-6


def flood(simulator: Simulator, seconds: float, admitted: int = 0) -> list[Reply]:
    """Ask with four connections, far faster than is admitted, for so long and until so many were."""
    until_s, pause = time.monotonic() + seconds, threading.Event()
    count = Counter[int]()

    def ask_on(_worker: int) -> list[Reply]:
        replies = []
        with connected(simulator) as client:
            while time.monotonic() < until_s or count[200] < admitted:
                replies.append(client.ask("GET", "/v2/workspaces"))
                count[replies[-1].status] += 1
                # Other tests need the processors too.
                pause.wait(0.005)
        return replies

    with ThreadPoolExecutor(4) as pool:
        return [reply for replies in pool.map(ask_on, range(4)) for reply in replies]


def judged_s(simulator: Simulator, most: Callable[[float], float]) -> list[float]:
    """Say when requests were admitted: never one too many, and what was refused would have been one.

    `most` says how many may be admitted in a span of so many seconds, both ends included.
    """
    rows = simulator.record("calls=0")["requests"]
    admitted = [at_s for at_s, _, _, status, _ in rows if status != 429]
    refused = [at_s for at_s, _, _, status, _ in rows if status == 429]

    def is_too_many(at_s: float, more: int, rounding_s: float) -> bool:
        before = [each_s for each_s in admitted if each_s <= at_s]
        counted = ((len(before) - place + more, at_s - each_s) for place, each_s in enumerate(before))
        return any(count > most(span_s + rounding_s) for count, span_s in counted)

    assert not any(is_too_many(at_s, 0, ROUNDING_S) for at_s in admitted)
    assert all(is_too_many(at_s, 1, -ROUNDING_S) for at_s in refused)
    assert refused
    return admitted


def ask_many(client: Client, count: int) -> list[Reply]:
    return [client.ask("GET", "/v2/workspaces") for _ in range(count)]


def test_sliding_admits_its_rate_in_any_second() -> None:
    with running_simulator(policy="sliding", requests_per_second=10) as simulator:
        flood(simulator, 2.5, admitted=20)
        times_s = judged_s(simulator, lambda span_s: 10 * (1 + math.floor(span_s)))
    assert len(times_s) >= 20


def test_fixed_admits_its_rate_in_each_second_of_the_clock() -> None:
    with running_simulator(policy="fixed", requests_per_second=10) as simulator:
        flood(simulator, 2.5, admitted=20)
        record = simulator.record("calls=0")
    start_s = datetime.fromisoformat(record["started_at"]).timestamp()
    rows = [(int(start_s + at_s + ROUNDING_S), status) for at_s, _, _, status, _ in record["requests"]]
    admitted = Counter(second for second, status in rows if status != 429)
    refused = {second for second, status in rows if status == 429}
    # Never one too many, and what was refused would have been one.
    assert max(admitted.values()) == 10
    assert {admitted[second] for second in refused} == {10}


def test_bucket_admits_its_capacity_and_then_its_rate() -> None:
    with running_simulator(policy="bucket", requests_per_second=10) as simulator:
        flood(simulator, 2.5, admitted=20)
        times_s = judged_s(simulator, lambda span_s: 10 + 10 * span_s)
    assert len(times_s) >= 20


def test_a_refusal_asks_for_whole_seconds_and_takes_nothing() -> None:
    with (
        running_simulator(policy="sliding", requests_per_second=0.02) as simulator,
        connected(simulator) as client,
    ):
        replies = ask_many(client, 4)
        record = simulator.record("calls=0")
    assert [reply.status for reply in replies] == [200, 429, 429, 429]
    first_s, *refused_s = (at_s for at_s, *_ in record["requests"])
    waits = [str(math.ceil(first_s + 50 - at_s)) for at_s in refused_s]
    assert [reply.headers["Retry-After"] for reply in replies[1:]] == waits
    assert replies[1].error == "API request limit exceeded"
    assert record["totals"] == {"workspaces": {"200": 1, "429": 3}}


def test_the_day_is_over_after_its_requests_whatever_they_asked_for() -> None:
    options = {"policy": "sliding", "requests_per_second": 1_000, "requests_per_day": 5}
    with running_simulator(**options) as simulator, connected(simulator) as client:
        statuses = [
            client.create().status,
            client.create().status,
            client.upload("1").status,
            client.ask("GET", "/nowhere").status,
            client.ask("GET", "/v2/users", headers={"Authorization": "none"}).status,
        ]
        refused = client.ask("GET", "/v2/users")
    assert statuses == [200, 400, 404, 404, 403]
    assert refused.status == 429
    assert 86_390 < int(refused.headers["Retry-After"]) <= 86_400


def test_the_day_reopens_when_it_said() -> None:
    options = {"policy": "sliding", "requests_per_second": 1_000, "requests_per_day": 3, "day_s": 1.0}
    with running_simulator(**options) as simulator:
        flood(simulator, 2.0)
        times_s = judged_s(simulator, lambda span_s: 3 * (1 + math.floor(span_s)))
    assert len(times_s) >= 6


def test_a_request_arrives_when_its_headers_do_and_not_when_its_body_ends() -> None:
    options = {"policy": "sliding", "requests_per_second": 0.01}
    with (
        running_simulator(**options) as simulator,
        connected(simulator) as client,
        connected(simulator) as other,
    ):
        client.connection.putrequest("POST", "/v2/calls")
        for name, value in (
            AUTHORIZATION | {"Content-Type": "application/json", "Content-Length": "2"}
        ).items():
            client.connection.putheader(name, value)
        client.connection.endheaders()
        wait_for_requests(simulator, 1)
        assert other.ask("GET", "/v2/workspaces").status == 429
        client.connection.send(b"{}")
        assert client.connection.getresponse().status == 400
