"""Measures `POST /calls` beside Flower's `POST /api/task/send-task`: how many a second, how soon at 100/s.

Both take the same body of about 700 bytes and answer when Redis has it: the API checks it and writes a job,
Flower publishes a message of Celery. They are measured by turns, on one server, so the ratio counts on a
machine that others use too. The client runs on the same cores.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.figures import percentile
from bench.load import Load, Request, as_fast_as_it_goes, at_a_rate
from bench.results import Table
from tests.apis import COMMAND, Api, environment, running_api
from tests.flowers import Flower, running_flower
from tests.recordings import make_long_call
from tests.servers import Server, running_server

CONNECTIONS = 16
PER_SECOND = 100.0
BODIES = 2_000
TASK = "calls.submit"
# Above all that is handed in here.
BACKLOG_MAX = str(10_000_000)


def run(*, seconds: float = 10.0, turns: int = 5) -> Iterator[Table]:
    """Load both by turns, each for so long."""
    with (
        running_server() as server,
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        _contestants(server, Path(folder)) as contestants,
    ):
        yield _table("As many as it takes", contestants, seconds, turns, _fast, CONNECTIONS)
        yield _table(f"At {PER_SECOND:g} a second", contestants, seconds, turns, _evenly, None)


Contestants = dict[str, Callable[[int], tuple[tuple[str, int], Request, int]]]
Measure = Callable[[tuple[tuple[str, int], Request, int], float], Load]


@contextmanager
def _contestants(server: Server, folder: Path) -> Iterator[Contestants]:
    """Run both; each is given the number of a turn, so that every recording is new."""
    token = subprocess.run(
        [*COMMAND, "token", "create", "bench"],
        env=environment(folder, {}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    calls = [make_long_call(number) for number in range(BODIES)]
    with (
        running_api(folder, server.url, api_backlog_max=BACKLOG_MAX, log_level="WARNING") as api,
        running_flower(server.url, "bench", stderr=subprocess.DEVNULL) as flower,
    ):
        yield {
            "gong-ingest api, 2 processes": lambda turn: (api.place, _of_api(api, token, calls, turn), 202),
            "Flower's send-task, 1 process": lambda turn: (
                ("127.0.0.1", flower.port),
                _of_flower(flower, calls, turn),
                200,
            ),
        }


def _of_api(api: Api, token: str, calls: list[dict[str, object]], turn: int) -> Request:
    headers = f"Authorization: Bearer {token}\r\nContent-Type: application/json"
    return _requests(api.place, "/calls", headers, lambda call: {"call": call, "media": "a.wav"}, calls, turn)


def _of_flower(flower: Flower, calls: list[dict[str, object]], turn: int) -> Request:
    path = f"/api/task/send-task/{TASK}"
    login = base64.b64encode(flower.login.encode()).decode()
    headers = f"Authorization: Basic {login}\r\nContent-Type: application/json"
    place = "127.0.0.1", flower.port
    return _requests(
        place, path, headers, lambda call: {"args": [{"call": call, "media": "a.wav"}]}, calls, turn
    )


def _requests(  # noqa: PLR0917 - what a request is made of
    place: tuple[str, int],
    path: str,
    headers: str,
    wrap: Callable[[dict[str, object]], object],
    calls: list[dict[str, object]],
    turn: int,
) -> Request:
    """Give requests that differ in their ids alone, made beforehand as far as that goes."""
    marked = [json.dumps(wrap(call | {"clientUniqueId": "MARK"})).encode() for call in calls]

    def request(number: int) -> bytes:
        body = marked[number % len(marked)].replace(b"MARK", b"pbx-%d-%d" % (turn, number))
        head = f"POST {path} HTTP/1.1\r\nHost: {place[0]}:{place[1]}\r\n{headers}\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    return request


def _fast(target: tuple[tuple[str, int], Request, int], seconds: float) -> Load:
    place, request, status = target
    return as_fast_as_it_goes(place, request, connections=CONNECTIONS, seconds=seconds, status=status)


def _evenly(target: tuple[tuple[str, int], Request, int], seconds: float) -> Load:
    place, request, status = target
    return at_a_rate(place, request, per_second=PER_SECOND, seconds=seconds, status=status)


def _table(  # noqa: PLR0917 - what a table is made of
    title: str,
    contestants: Contestants,
    seconds: float,
    turns: int,
    measure: Measure,
    connections: int | None,
) -> Table:
    loads: dict[str, list[Load]] = {name: [] for name in contestants}
    for turn in range(turns):
        for name, target in contestants.items():
            # No id is of an earlier turn, nor of another table.
            loads[name].append(measure(target(turn * 2 + (connections is None)), seconds))
    lines = [(name, *_figures(found)) for name, found in loads.items()]
    how = f"{connections} kept connections" if connections else "evenly, timed from when each was due"
    notes = (
        f"Bodies of about 700 bytes, every recording new; {how}; medians of {turns} turns of {seconds:g} s."
    )
    return Table(title, notes, ("", "a second", "median ms", "p99 ms"), lines)


def _figures(loads: list[Load]) -> tuple[str, str, str]:
    rate = median(load.rate for load in loads)
    middle_ms = median(median(load.times_s) for load in loads) * 1000
    p99_ms = median(percentile(load.times_s, 0.99) for load in loads) * 1000
    return f"{rate:,.0f}", f"{middle_ms:.1f}", f"{p99_ms:.1f}"
