"""The README's commands for a server without containers, typed on a machine that boots for the first time.

systemd itself runs there as the first process, so units are started, confined, restarted and stopped as on
any server. Two things are other than there: the API is a simulator, since nothing leads out of the machine;
and limits of memory are not looked at, which depend on the kernel that this machine has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fresh.machine import Machine, booted
from tests.fresh.root import TREE, Root, at_the_end_of, block
from tests.waiting import await_true

pytestmark = pytest.mark.long

HEADING = "On a server"
SET_UP, HAND_IN = 1, 2
PORT = 8077
BASE_URL = f"http://127.0.0.1:{PORT}"
# What the simulator takes, and what must be read nowhere.
KEY, SECRET = "demo-key", "demo-secret"
ANSWERS = {"GONG_BASE_URL": BASE_URL, "GONG_ACCESS_KEY": KEY, "GONG_ACCESS_KEY_SECRET": SECRET}
WORKERS = ("gong-ingest-worker@calls", "gong-ingest-worker@media")
UNITS = (*WORKERS, "gong-ingest-flower", "redis-server")
RECORDINGS = 12
PROGRAM = "/opt/gong-ingest/bin"
WITHIN_S = 900.0
# Makes recordings, or compares them with what the simulator has.
MAKE = f"""{PROGRAM}/python -c '
from pathlib import Path
from pipeline.cli.recordings import generate_recordings
print(generate_recordings(Path("/srv/recordings"), {RECORDINGS}))
'"""
COMPARE = f"""{PROGRAM}/python -c '
import dataclasses, json
from pathlib import Path
from pipeline.cli import demo
print(json.dumps(dataclasses.asdict(demo.compare(demo._read_record("{BASE_URL}"), Path("%s")))))
'"""


@pytest.fixture
def machine(root: Root) -> Iterator[Machine]:
    with booted(root) as machine:
        yield machine


@contextmanager
def simulator(machine: Machine) -> Iterator[None]:
    """Run a simulator in the machine, as the API that its settings name."""
    with machine.start(f"exec {PROGRAM}/gong-ingest simulator --port {PORT} --json") as process:
        try:
            assert process.stdout
            assert json.loads(process.stdout.readline())["address"] == BASE_URL
            yield
        finally:
            process.terminate()


def shown(machine: Machine, unit: str, name: str) -> str:
    return machine.done(f"systemctl show --property={name} --value {unit}")


@pytest.mark.parametrize("root", ["servers"], indirect=True)
def test_the_commands_lead_from_nothing_to_a_fleet_that_works(machine: Machine) -> None:
    typed = machine.run(block("README.md", HEADING, SET_UP), network=True, env=ANSWERS, within_s=WITHIN_S)
    assert typed.returncode == 0, at_the_end_of(typed)
    verified = machine.run(
        f"systemd-analyze verify --man=no {' '.join(f'{unit}.service' for unit in UNITS[:3])}"
    )
    assert "gong-ingest" not in verified.stderr, verified.stderr

    with simulator(machine):
        manifest = Path(machine.done(MAKE))
        machine.done(f"chmod --recursive a+rX /srv/recordings && cp {manifest} calls.jsonl")
        handed_in = machine.run(block("README.md", HEADING, HAND_IN), within_s=WITHIN_S)
        assert handed_in.returncode == 0, at_the_end_of(handed_in)
        verdict: dict[str, Any] = json.loads(machine.done(COMPARE % manifest))
        assert verdict == dict.fromkeys(("recordings", "intact", "calls"), RECORDINGS) | {
            "refused_requests": 0
        }

        assert_well(machine)
        assert_restarted_when_killed(machine)
        assert_stopped_in_order(machine)


def assert_well(machine: Machine) -> None:
    """Every unit runs, will run after the next start, as nobody who exists, and tells no secret."""
    for unit in UNITS:
        assert shown(machine, unit, "ActiveState") == "active"
        assert shown(machine, unit, "UnitFileState") == "enabled"
        assert shown(machine, unit, "NRestarts") == "0"
    for unit in UNITS[:3]:
        pid = shown(machine, unit, "MainPID")
        uid, no_new_privileges = machine.done(
            f"sed -nE 's/^(Uid|NoNewPrivs):\\t([0-9]+).*/\\2/p' /proc/{pid}/status"
        ).split()
        assert int(uid) >= 61_184, "the first of the users that systemd makes"
        assert no_new_privileges == "1"
        assert SECRET not in machine.done(f"tr '\\0' '\\n' < /proc/{pid}/environ")
    machine.done(f". /etc/gong-ingest/settings.env; {alive('calls')} && {alive('media')}")
    journal = machine.journal()
    assert KEY not in journal
    assert SECRET not in journal
    # Asked without a password, Flower tells that it wants one.
    python = "import urllib.request as r; r.urlopen('http://127.0.0.1:5555/batches')"
    refused = machine.run(f'{PROGRAM}/python -c "{python}"')
    assert "HTTP Error 401" in refused.stderr


def alive(queue: str) -> str:
    return (
        f"GONG_INGEST_REDIS_URL_FILE=/etc/gong-ingest/redis-url {PROGRAM}/gong-ingest alive --queue {queue}"
    )


def assert_restarted_when_killed(machine: Machine) -> None:
    """A worker that is killed with all its processes comes back by itself."""
    before = shown(machine, WORKERS[1], "MainPID")
    machine.done(f"systemctl kill --signal=KILL {WORKERS[1]}")
    await_true(
        lambda: (
            shown(machine, WORKERS[1], "MainPID") not in {"0", before}
            and machine.run(alive("media")).returncode == 0
        ),
        "the worker is back",
        within_s=60,
    )


def assert_stopped_in_order(machine: Machine) -> None:
    """All stopped at once, as when a machine ends, each ends well in its time: Redis after who needs it."""
    machine.done(f"systemctl stop {' '.join(UNITS)}")
    for unit in UNITS:
        assert (unit, shown(machine, unit, "Result")) == (unit, "success")
    assert machine.run(alive("calls")).returncode == 6, "the ledger's server is gone"


def test_what_is_typed_names_every_unit_of_the_tree() -> None:
    typed = block("README.md", HEADING, SET_UP)

    for path in (TREE / "ops" / "systemd").glob("*.service"):
        assert path.name.partition(".")[0] in typed
    assert "docker compose up" in block("README.md", HEADING)
    assert "backfill" in block("README.md", HEADING, HAND_IN)
