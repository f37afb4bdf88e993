"""Every benchmark, at a size that says nothing: it runs, and measures something.

What a benchmark takes no parameter for is made small here by its constants.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from bench import (
    api,
    backlog,
    control,
    enqueue,
    events,
    limiter_speed,
    limiter_virtual,
    live,
    pages,
    pipelines,
    preflight,
    sizing,
    upload,
    week,
)
from bench.comparison import regressions
from bench.pipelines.contenders import CHAIN, OURS, PLAIN, SCRIPT
from bench.pipelines.place import place, recordings
from bench.pipelines.run import run
from bench.results import Table
from pipeline.settings import Settings

# Some of these only `make bench` installs.
LIBRARIES = ("limits", "pyrate_limiter", "throttled")
# What the other tests here run.
ELSEWHERE = {"throughput", "limits", "waiting", "fleet", "latency", "startup", "week"}
# Three days and a bit of the fourth, as twenty are at the default.
DAYS = Settings(requests_per_day=200)
RECORDINGS = 330


def compared() -> Iterable[Table]:
    tables: Iterable[Table] = import_module("bench.limiter_compared.tables").run(seconds=2.5)
    return tables


TINY: dict[str, Callable[[], Iterable[Table]]] = {
    "sizing": lambda: sizing.sizing(sizes=(1, 2), processes=(2,)),
    "speed": lambda: limiter_speed.run(grants=(200,)),
    "virtual": lambda: limiter_virtual.run(days=0.001, hours=0.005),
    "compared": compared,
    "backlog": lambda: backlog.run(rows=100, finished=50, turns=1),
    "control": lambda: control.run(jobs=100),
    "enqueue": lambda: enqueue.run(rows=20, turns=1, imports=1),
    "live": lambda: live.run(jobs=50, live=1),
    "pages": lambda: pages.run(jobs=300),
    "api": lambda: api.run(seconds=0.2, turns=1),
    "events": lambda: events.run(jobs=20, turns=2, kept=100),
    "preflight": lambda: preflight.run(rows=1_000),
    "upload": lambda: upload.run(quick=True),
}
SMALLER: dict[str, dict[str, dict[str, Any]]] = {
    "sizing": {
        "sizing": {
            "LOAD_EACH": 1,
            "LOAD_BYTES": 100_000,
            "LIMIT_PER_S": 40.0,
            "LATENCY_S": 0.1,
            "EACH_S": 1.0,
        }
    },
    "speed": {"limiter_speed": {"CALLS": 500, "RUNS": 1}},
    "compared": {
        "limiter_compared.match": {"PROCESSES": 1},
        "limiter_compared.tables": {"POLICIES": ("bucket",), "ROUNDS": lambda rounds: rounds[:1]},
    },
    "backlog": {"backlog": {"TURN_ROWS": 200, "CLAIM_WINDOW": 50}},
    "events": {"backlog": {"CLAIM_WINDOW": 50}},
    "control": {"control": {"DEAD": 20, "REPEATS": 1}},
    "pages": {"pages": {"FEW": 200, "REPEATS": 1}},
    "api": {"api": {"BODIES": 20}},
    "preflight": {"preflight": {"LOADED_ROWS": 200}},
    "upload": {"upload.tables": {"GB": 10**7, "MB": 10**4, "AT_ONCE": 2}},
}
MARKS = {
    # Six workers, one after another.
    "sizing": [pytest.mark.long],
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(name, [])) for name in TINY])
def test_a_benchmark_measures_something(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "upload" and not shutil.which("curl"):
        pytest.skip("curl is not installed")
    for library in LIBRARIES if name == "compared" else ():
        pytest.importorskip(library, reason="`make bench` installs it")
    for module, constants in SMALLER.get(name, {}).items():
        for constant, value in constants.items():
            where = import_module(f"bench.{module}")
            smaller = value(getattr(where, constant)) if callable(value) else value
            monkeypatch.setattr(where, constant, smaller)

    tables = list(TINY[name]())

    assert tables
    for table in tables:
        assert table.rows
        # So is it read again, too.
        assert regressions(table.text(), [table]) == []


def test_every_benchmark_is_run_here() -> None:
    for library in LIBRARIES:
        pytest.importorskip(library, reason="`make bench` installs it")

    assert set(import_module("bench.__main__").SECTIONS) == {*TINY, *ELSEWHERE}


def test_every_contender_brings_all_recordings_in() -> None:
    with recordings(3, size_bytes=1_000) as made:
        for contender in (OURS, CHAIN, PLAIN, SCRIPT):
            with place(made) as here:
                came = run(contender, here, concurrency=1)
                created, uploaded = here.requests("create"), here.requests("media")
            assert came.per_second > 0
            if contender is not CHAIN:
                assert (created, uploaded) == ({"200": 3}, {"201": 3}), contender.name


def test_weeks_in_virtual_time_end_as_forecast() -> None:
    (table,) = week.week(count=RECORDINGS, settings=DAYS)

    rows = {what: (measured, asked) for what, measured, asked in table.rows}
    assert list(rows)[:2] == ["finished after", "the forecast at the start"]
    assert rows["finished by the forecast"][1] == "0.99 to 1.01"
    assert rows["most requests in a rolling second"] == ("3", "at most 3")
    assert "fewest in a rolling day while recordings waited" in rows


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"requests_per_day": 220}, "most requests in a rolling day: 2"),
        ({"requests_per_second": 4.0}, "most requests in a rolling second: 4"),
        ({"margin": 0.0}, "which is that with the margin: 4"),
        # The end is as asked for all the same.
        ({"requests_per_day": 192}, "asked: fewest in 1.01 rolling days while recordings waited: 191,"),
    ],
)
def test_weeks_under_a_limiter_that_grants_too_much_or_too_little_are_an_error(
    changes: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = week._limits
    monkeypatch.setattr(week, "_limits", lambda settings: replace(limits(settings), **changes))

    with pytest.raises(RuntimeError, match=told):
        list(week.week(count=RECORDINGS, settings=DAYS))


def test_latency_is_told_by_the_simulators_own_record() -> None:
    (table,) = pipelines.latency(count=2)

    assert float(table.rows[0][1].removesuffix(" ms")) > 0


def test_a_backlog_that_waits_is_worked_on() -> None:
    (table,) = pipelines.waiting(lengths=(200,), plain_lengths=(120,), plain_held=(130,), count=120, turns=1)

    assert {row[1] for row in table.rows} == {"200", "120", "130"}


def test_a_fleet_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("bench.pipelines.fleet"), "RUNS", 1)

    growth, commands, carried = pipelines.fleet(
        sizes=(1,), each=2, counted=4, simulated=4, simulated_each=2, idle_s=0.3
    )

    assert float(growth.rows[0][1]) > 0
    assert commands.rows
    assert carried.rows


def test_what_starts_is_timed_from_its_start() -> None:
    (table,) = pipelines.startup(repeats=1)

    assert all(float(row[1].removesuffix(" s")) > 0 for row in table.rows)


def test_under_the_limits_one_is_told_what_a_kill_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = import_module("bench.pipelines.limits")
    # All others start workers, and theirs give back what they held when leases end.
    monkeypatch.setattr(limits, "CONTENDERS", (SCRIPT,))
    monkeypatch.setattr(limits, "SILENCE_S", 8.0)

    (table,) = pipelines.limits(count=6)

    assert [row[:2] for row in table.rows] == [(SCRIPT.name, ""), (SCRIPT.name, "yes")]
    undisturbed, _ = table.rows
    assert undisturbed[5:] == ("0", "0")


@pytest.mark.long
def test_a_kill_under_the_limits_loses_and_doubles_nothing_of_ours() -> None:
    (table,) = pipelines.limits(count=6)

    ours = [row for row in table.rows if row[0] == OURS.name]
    assert [row[1] for row in ours] == ["", "yes"]
    # Not in, asked twice.
    assert [tuple(row[5:7]) for row in ours] == [("0", "0")] * 2
