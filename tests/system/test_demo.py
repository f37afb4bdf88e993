"""`gong-ingest demo`: what somebody runs first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario

pytestmark = pytest.mark.quiet


@scenario()
def test_the_demo_needs_no_settings_and_says_what_the_record_says(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    nothing_set = dict.fromkeys((*machine.settings, "GONG_ACCESS_KEY", "GONG_ACCESS_KEY_SECRET"))

    finished = machine.run("demo", "--recordings", "4", settings=nothing_set)

    assert finished.code == 0, finished.written
    last = finished.stderr.splitlines()[-1]
    assert "4 calls, 4 of 4 recordings are there once and byte for byte, 0 requests over the limit" in last
    assert not machine.processes()


@scenario()
def test_the_demo_touches_nothing_real_whatever_is_set(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    config = folder / "config.toml"
    config.write_text('default = "real"\n[real]\naccess_token = { command = ["false"] }\nburst = 0')
    finished = machine.run(
        "demo",
        "--recordings=1",
        "--json",
        settings={"GONG_INGEST_REDIS_URL": "redis://127.0.0.1:1/0", "GONG_INGEST_CONFIG": str(config)},
    )

    assert finished.code == 0, finished.written
    assert finished.document == {"recordings": 1, "intact": 1, "calls": 1, "refused_requests": 0}
    assert simulator.health()["requests"] == 0
    assert not machine.data.exists()
