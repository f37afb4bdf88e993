"""A process that dies at any one point of the flow loses nothing and doubles nothing.

One fleet goes through all points side by side: each has a recording of its own, whose process kills itself
there, once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.job import State, job_id_of
from tests.chaos.arena import Arena, arena
from tests.chaos.points import MOMENTS, marker_of, plan_of
from tests.chaos.recordings import write_recordings
from tests.waiting import await_true

BATCH = "fatal"


@pytest.fixture(scope="module")
def survived() -> Iterator[tuple[Arena, dict[str, str]]]:
    """Give an arena in which a process died at every point, with the recording of each."""
    with arena(per_second=100) as running:
        plan = _plan_of(running)
        for recording in running.recordings:
            if plan[recording.client_unique_id].endswith("bury"):
                recording.path.unlink()
        # Until both points of `postpone` were met every create fails; all else goes on after that.
        running.simulator.set_faults({"create.500": True})
        app = "tests.chaos.fatal_worker"
        running.fleet.add("calls", queues="calls", concurrency=6, app=app)
        running.fleet.add("media", queues="media", concurrency=16, app=app)
        running.submit(BATCH, running.recordings)
        postponed = [marker_of(running.folder, moment) for moment in MOMENTS if moment.endswith("postpone")]
        await_true(lambda: all(map(Path.exists, postponed)), "processes died at postpone", within_s=20)
        running.simulator.set_faults({})
        running.await_final(BATCH, within_s=60)
        yield running, {moment: name for name, moment in plan.items()}


def _plan_of(running: Arena) -> dict[str, str]:
    plan = {f"{BATCH}-{number:04d}": moment for number, moment in enumerate(MOMENTS)}
    plan_of(running.folder).write_text(json.dumps(plan), encoding="utf-8")
    running.recordings += write_recordings(running.folder / "media" / BATCH, plan)
    return plan


@pytest.mark.parametrize("moment", MOMENTS)
def test_recording_of_a_process_that_died_is_brought_in_once(
    survived: tuple[Arena, dict[str, str]], moment: str
) -> None:
    running, recordings = survived
    name = recordings[moment]
    job = running.job(job_id_of(name))
    assert marker_of(running.folder, moment).exists()
    if moment.endswith("bury"):
        assert (job["state"], job["code"]) == (State.DEAD, "media_missing")
    else:
        assert job["state"] == State.DONE
        assert job["call_id"] == running.calls()[name]["callId"]


def test_audit_of_all_points_finds_nothing(survived: tuple[Arena, dict[str, str]]) -> None:
    running, recordings = survived
    dead = frozenset(name for moment, name in recordings.items() if moment.endswith("bury"))
    assert running.audit(dead_expected=dead) == []
