"""The benchmarks that need whole fleets, at a size that says nothing: they run, and measure something."""

from __future__ import annotations

import pytest

from bench import pipelines, week
from bench.pipelines.contenders import CHAIN, OURS, PLAIN, SCRIPT
from bench.pipelines.place import place, recordings
from bench.pipelines.run import run


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
    (table,) = week.week(count=150)

    assert [row[0] for row in table.rows][:2] == ["finished after", "the forecast at the start"]


def test_latency_is_told_by_the_simulators_own_record() -> None:
    (table,) = pipelines.latency(count=2)

    assert float(table.rows[0][1].removesuffix(" ms")) > 0


def test_a_backlog_that_waits_is_worked_on() -> None:
    (table,) = pipelines.waiting(lengths=(200,), plain_lengths=(120,), count=120, turns=1)

    assert {row[1] for row in table.rows} == {"200", "120"}


def test_a_fleet_is_measured() -> None:
    growth = next(iter(pipelines.fleet(sizes=(1,), each=2)))

    assert float(growth.rows[0][1]) > 0


@pytest.mark.long
def test_what_a_server_carries_is_measured() -> None:
    _, commands, carried = pipelines.fleet(
        sizes=(1,), each=2, counted=10, simulated=4, simulated_each=3, idle_s=0.5
    )

    assert commands.rows
    assert carried.rows


@pytest.mark.long
def test_what_starts_is_timed_from_its_start() -> None:
    (table,) = pipelines.startup(repeats=1)

    assert all(float(row[1].removesuffix(" s")) > 0 for row in table.rows)


@pytest.mark.long
def test_a_kill_under_the_limits_loses_and_doubles_nothing_of_ours() -> None:
    (table,) = pipelines.limits(count=6)

    ours = [row for row in table.rows if row[0] == OURS.name]
    assert [row[1] for row in ours] == ["", "yes"]
    # not in
    assert {row[5] for row in ours} == {"0"}
