"""A process that dies at any one point of the flow loses nothing and doubles nothing.

One fleet goes through all points side by side: each has a recording of its own, whose process kills itself
there, once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.job import State, Step, job_id_of
from tests.chaos.arena import Arena, arena
from tests.chaos.points import MOMENTS, marker_of, plan_of
from tests.chaos.recordings import write_recordings
from tests.chaos.scenarios import Running, looks_at, scenario
from tests.waiting import await_true

BATCH = "fatal"
APP = "tests.chaos.fatal_worker"
LONG_S = 120.0


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the recording whose process was to die at a moment."""

    died: bool
    job: dict[str, str]
    call_id: str | None


@dataclass(frozen=True, slots=True)
class Survival:
    """What became of them all."""

    fates: dict[str, Fate]
    findings: list[str]


def survive() -> Survival:
    """Bring in a recording for every moment, at which a process dies of it."""
    with arena(per_second=100) as running:
        plan = _plan_of(running)
        for recording in running.recordings:
            if plan[recording.client_unique_id].endswith("bury"):
                recording.path.unlink()
        # Until both points of `postpone` were met every create fails; all else goes on after that.
        running.simulator.set_faults({"create.500": True})
        running.fleet.add("calls", queues="calls", concurrency=6, app=APP)
        running.fleet.add("media", queues="media", concurrency=16, app=APP)
        running.submit(BATCH, running.recordings)
        postponed = [marker_of(running.folder, moment) for moment in MOMENTS if moment.endswith("postpone")]
        await_true(lambda: all(map(Path.exists, postponed)), "processes died at postpone", within_s=60)
        running.simulator.set_faults({})
        running.await_final(BATCH, within_s=60)
        dead = frozenset(name for name, moment in plan.items() if moment.endswith("bury"))
        fates = {moment: _fate_of(running, name, moment) for name, moment in plan.items()}
        return Survival(fates, running.audit(dead_expected=dead))


def _fate_of(running: Arena, name: str, moment: str) -> Fate:
    call_id = running.calls().get(name, {}).get("callId")
    return Fate(marker_of(running.folder, moment).exists(), running.job(job_id_of(name)), call_id)


def _plan_of(running: Arena, moments: Sequence[str] = MOMENTS) -> dict[str, str]:
    plan = {f"{BATCH}-{number:04d}": moment for number, moment in enumerate(moments)}
    plan_of(running.folder).write_text(json.dumps(plan), encoding="utf-8")
    running.recordings += write_recordings(running.folder / "media" / BATCH, plan)
    return plan


@pytest.fixture
def survived(side_by_side: Running) -> Survival:
    """What became of them all, once for every test."""
    survival: Survival = side_by_side[survive].result()
    return survival


@looks_at(survive)
@pytest.mark.parametrize("moment", MOMENTS)
def test_recording_of_a_process_that_died_is_brought_in_once(survived: Survival, moment: str) -> None:
    fate = survived.fates[moment]
    assert fate.died
    if moment.endswith("bury"):
        assert (fate.job["state"], fate.job["code"]) == (State.DEAD, "media_missing")
    else:
        assert fate.job["state"] == State.DONE
        assert fate.job["call_id"] == fate.call_id


@scenario()
def test_nobody_waits_for_the_lease_of_a_process_that_died_when_its_step_was_recorded() -> None:
    """What comes next is published at the moment at which the step is recorded."""
    recorded = [f"after record_step {step}" for step in (Step.VALIDATE, Step.CREATE_CALL)]
    # A lease that outlasts the test.
    with arena(LEASE_TTL_S=f"{LONG_S:g}") as running:
        plan = _plan_of(running, recorded)
        running.fleet.add("all", concurrency=4, app=APP)
        running.submit(BATCH, running.recordings)
        assert running.await_final(BATCH, within_s=LONG_S / 2).done == len(plan)
        assert all(marker_of(running.folder, moment).exists() for moment in recorded)
        assert running.audit() == []


@looks_at(survive)
def test_audit_of_all_points_finds_nothing(survived: Survival) -> None:
    assert survived.findings == []
