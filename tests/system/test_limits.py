"""Limits that change while a backfill runs: the workers follow at their next request."""

from __future__ import annotations

import json
from pathlib import Path

from tests.recordings import make_recordings
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true

SLOW, FAST = 2.0, 40.0
COUNT = 30


@scenario()
def test_a_backfill_follows_limits_that_are_raised_while_it_runs(
    machine: Machine, api: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    slow: dict[str, str | None] = {"GONG_INGEST_REQUESTS_PER_SECOND": str(SLOW)}
    backfill = machine.start("backfill", recordings.manifest, "--json", settings=slow)
    await_true(lambda: api.health()["requests"] >= 3, "the backfill is on its way", within_s=30)

    changed = machine.run("limits", "--requests-per-second", str(FAST), "--json", settings=slow)
    finished = backfill.finish()

    assert json.loads(changed.stdout)["changed"] == ["requests_per_second"]
    assert (finished.code, finished.document["done"]) == (0, COUNT), finished.stderr
    times = [at_s for at_s, *_ in api.sent()]
    # At the pace of the settings the last twenty requests alone would take ten seconds.
    assert times[-1] - times[-20] < 19 / SLOW * 0.9
    assert len(times) == 2 * COUNT


@scenario()
def test_limits_are_shown_and_refused_as_settings_are(machine: Machine, api: Simulator, folder: Path) -> None:
    wrong = machine.run("limits", "--requests-per-second", "0")
    both = machine.run("limits", "--reset", "--burst", "2")
    shown = machine.run("limits", "--requests-per-day", "700")
    told = machine.run("status"), machine.run("status", "--json")
    reset = machine.run("limits", "--reset", "--json")

    assert (wrong.code, wrong.stderr) == (
        2,
        "gong-ingest: GONG_INGEST_REQUESTS_PER_SECOND must be above 0 and at most 10000.\n",
    )
    assert (both.code, both.stderr) == (2, "gong-ingest: --reset takes every change back; give it alone.\n")
    assert "requests_per_day     700" in shown.stdout
    assert "0 of 700 requests in the last 24 h" in shown.stdout
    assert "0 of 700 requests in the last 24 h" in told[0].stdout
    assert told[1].document["requests_per_day"] == 700
    assert reset.document["limits"]["requests_per_day"] == 10_000
    assert reset.document["changed"] == []
