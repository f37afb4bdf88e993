"""Eight systems hand in 2,000 recordings, half of them twice, while the server is killed, and workers are.

Each that was accepted is brought in exactly once, and of each that was refused it is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline.job import job_id_of
from pipeline.ledger import Manifests
from tests.chaos.arena import Arena, arena, jobs_of
from tests.chaos.fleet import ROOT
from tests.chaos.points import intake_moments, marker_of
from tests.chaos.scenarios import scenario
from tests.chaos.sender import RECORDINGS, SENDERS, name_of
from tests.waiting import await_true

NAMES = [name_of(number) for number in range(RECORDINGS)]
WRONG = {name for name in NAMES if name.startswith("wrong")}
DISPUTED = {name for name in NAMES if name.startswith("disputed")}
ACCEPTED = set(NAMES) - WRONG
KILL_AT = (250, 550)
PER_S = 400.0
FAST = {"requests_per_second": 2 * PER_S}


@contextmanager
def senders(running: Arena, way: str) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Start eight of them; gives what waits for their end and reads their answers."""
    outputs = [running.folder / f"{way}-{number}.jsonl" for number in range(SENDERS)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.sender", way, str(number), str(output)],
            env=running.fleet.environment,
            cwd=ROOT,
        )
        for number, output in enumerate(outputs)
    ]

    def answers() -> list[dict[str, Any]]:
        assert [process.wait(120) for process in processes] == [0] * SENDERS
        return [json.loads(line) for output in outputs for line in output.read_text("utf-8").splitlines()]

    try:
        yield answers
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _kill_the_server_twice(running: Arena, counted: Callable[[], int]) -> None:
    """Kill it when so many are written, and start it on what its append-only file holds."""
    for number in KILL_AT:
        _await_count(counted, number)
        running.server.restart()


def _await_count(counted: Callable[[], int], number: int) -> None:
    await_true(lambda: counted() >= number, f"{number} are handed in", within_s=120)


def _hand_in_by_python(running: Arena) -> None:
    with senders(running, "python") as answers:
        _kill_the_server_twice(running, lambda: running.ledger.counts("live").total)
        said = answers()
    results = {name: Counter(each["result"] for each in said if each["name"] == name) for name in NAMES}
    assert sum(results.values(), Counter()).total() == 2 * RECORDINGS
    # each refused one was told so: what is wrong to both, what is disputed to the second
    assert all(results[name] == {"call_invalid": 2} for name in WRONG)
    assert all(results[name]["conflict"] == 1 for name in DISPUTED)
    # each other was accepted, as new by one answer at most: the answer to the first may have been lost
    assert all(results[name]["new"] + results[name]["known"] == 2 for name in ACCEPTED - DISPUTED)
    assert all(results[name]["new"] <= 1 for name in NAMES)


def _hand_in_by_celery(running: Arena, *, deaths: int) -> None:
    running.fleet.environment["CHAOS_DEATHS"] = str(deaths)
    for name in ("one", "two"):
        running.fleet.add(name, concurrency=2, app="tests.chaos.fatal_intake")
    with senders(running, "celery") as answers:
        _kill_the_server_twice(running, lambda: _handed_in(running))
        said = answers()
    await_true(lambda: not running.queued("intake"), "every message is taken", within_s=60)
    moments = intake_moments(deaths)
    assert [moment for moment in moments if marker_of(running.folder, moment).exists()] == moments
    # each refused message is kept once; one that was pushed without an answer may have been there twice
    again = sum(each["tries"] - 1 for each in said)
    refused = Counter(row.client_unique_id for _, row in Manifests(running.ledger._store).rejected("live"))
    assert refused.keys() == WRONG | DISPUTED
    assert all(refused[name] >= 2 for name in WRONG)
    expected = 2 * len(WRONG) + len(DISPUTED)
    assert expected <= refused.total() <= expected + again


def _handed_in(running: Arena) -> int:
    """Count the messages that wait, and those that were taken."""
    return running.queued("intake") + running.ledger.counts("live").total


def _assert_each_is_in_the_ledger_once(running: Arena) -> None:
    assert jobs_of(running.server).keys() == {job_id_of(name) for name in ACCEPTED}
    counts = running.ledger.counts("live")
    assert (counts.pending, counts.total) == (len(ACCEPTED), len(ACCEPTED))


def _assert_each_is_brought_in_once(running: Arena) -> None:
    counts = running.await_final("live", within_s=120)
    assert (counts.done, counts.total) == (len(ACCEPTED), len(ACCEPTED))
    brought_in = Counter(call["clientUniqueId"] for call in running.simulator.record("requests=0")["calls"])
    assert brought_in == dict.fromkeys(ACCEPTED, 1)
    assert {call["creates"] for call in running.calls().values()} == {1}


@scenario()
def test_what_eight_systems_hand_in_is_there_once_although_the_server_is_killed() -> None:
    with arena() as running:
        _hand_in_by_python(running)
        _assert_each_is_in_the_ledger_once(running)


@scenario()
def test_no_message_of_eight_systems_is_lost_although_server_and_workers_are_killed() -> None:
    with arena() as running:
        running.limiter.close_by_hand("nothing is brought in meanwhile")
        _hand_in_by_celery(running, deaths=1)
        _assert_each_is_in_the_ledger_once(running)


@pytest.mark.long
@scenario()
def test_what_eight_systems_hand_in_is_brought_in_once() -> None:
    with arena(per_second=PER_S, simulator=FAST) as running:
        running.fleet.add("calls", concurrency=4)
        _hand_in_by_python(running)
        _assert_each_is_brought_in_once(running)


@pytest.mark.long
@scenario()
def test_what_eight_systems_send_is_brought_in_once() -> None:
    with arena(per_second=PER_S, simulator=FAST) as running:
        _hand_in_by_celery(running, deaths=4)
        _assert_each_is_brought_in_once(running)
