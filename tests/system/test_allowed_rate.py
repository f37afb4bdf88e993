"""The main job at the API's default limits, however it counts them.

Here instants matter, so nothing runs beside it: of all modules its name is the first, before any scenario.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.recordings import Recordings, make_recordings, media_in
from tests.simulators import Simulator, running_simulator
from tests.system.machine import Command, Machine

pytestmark = pytest.mark.quiet

POLICIES = ("fixed", "sliding", "bucket")
REQUESTS_PER_SECOND = 3.0
# Three servers and 24 processes on a machine that tests share: a request may come 20 ms late, not only 10.
SETTINGS: dict[str, str | None] = {"GONG_INGEST_RATE_MARGIN": "0.02"}


def share_of_rate(simulator: Simulator) -> float:
    """Give the share of the allowed rate used between the first recording and the last, as the API saw it."""
    times: list[float] = [at_s for at_s, *_ in simulator.sent()]
    return (len(times) - 1) / (times[-1] - times[0]) / REQUESTS_PER_SECOND


def test_forty_recordings_at_the_default_limits_however_the_api_counts_them(tmp_path: Path) -> None:
    recordings = make_recordings(tmp_path / "recordings", 40)
    with ExitStack() as stack:
        simulators = [stack.enter_context(running_simulator(policy=policy)) for policy in POLICIES]
        machines = [
            stack.enter_context(Machine(tmp_path / policy, SETTINGS | {"GONG_BASE_URL": simulator.url}))
            for policy, simulator in zip(POLICIES, simulators, strict=True)
        ]
        first = [machine.start("backfill", recordings.manifest, "--json") for machine in machines]
        for command, simulator in zip(first, simulators, strict=True):
            assert_all_is_in(command, simulator, recordings)
        before = [simulator.record() for simulator in simulators]
        again = [machine.start("backfill", recordings.manifest, "--json") for machine in machines]
        for command in again:
            assert_nothing_is_sent(command)
        for then, simulator in zip(before, simulators, strict=True):
            now = simulator.record()
            assert (now["calls"], now["requests"]) == (then["calls"], then["requests"])


def assert_all_is_in(command: Command, simulator: Simulator, recordings: Recordings) -> None:
    finished = command.finish(within_s=90)
    document = finished.document
    assert finished.code == 0, finished.stderr
    assert list(document.items())[:-2] == [
        ("batch", "calls"),
        ("total", 40),
        ("submitted", 40),
        ("updated", 0),
        ("rejected", 0),
        ("done", 40),
        ("dead", 0),
        ("cancelled", 0),
        ("adopted", 0),
        ("requests", 80),
        ("rate_limited", 0),
    ]
    assert list(document)[-2:] == ["seconds", "rejected_file"]
    assert document["seconds"] > 79 / REQUESTS_PER_SECOND
    totals = {"users": {"200": 1}, "create": {"200": 40}, "media": {"201": 40}}
    assert simulator.record()["totals"] == totals
    assert media_in(simulator) == recordings.expected()
    assert share_of_rate(simulator) >= 0.95
    assert not command.machine.processes()


def assert_nothing_is_sent(command: Command) -> None:
    finished = command.finish()
    document = finished.document
    assert finished.code == 0, finished.stderr
    assert (document["total"], document["submitted"], document["done"]) == (40, 0, 40)
    assert document["requests"] == 0
    assert not command.machine.processes()
