"""A fleet of containers for all tests here: set up, built and started as a person does it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis

from tests.chaos.telling import tell
from tests.compose.engine import Compose, cloned
from tests.compose.settings import KEY, PER_SECOND, ROLES, await_healthy, read


@pytest.fixture(scope="session")
def compose(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """A fleet that was set up, built and started as a person does it, with three containers for uploads."""
    folder = tmp_path_factory.mktemp("clone")
    own = {"RECORDINGS": str(folder / "recordings"), "SIMULATOR_PER_SECOND": str(2 * PER_SECOND)}
    own |= dict.fromkeys(("FLOWER_PORT", "API_PORT", "PROMETHEUS_PORT"), "0")
    # Whoever runs the tests writes the files, and the containers read them.
    (folder / "recordings").mkdir(mode=0o755)
    with cloned(folder, **own) as fleet:
        set_up = str(folder / "ops" / "docker" / "set-up")
        subprocess.run([set_up], cwd=folder, env=fleet.environment | KEY, check=True)
        with (folder / "fleet" / "settings.env").open("a") as settings:
            settings.write(f"GONG_INGEST_REQUESTS_PER_SECOND={PER_SECOND}\n")
            settings.write("GONG_INGEST_REQUESTS_PER_DAY=1000000\n")
        tell(*fleet.docker("version", "--format", "engine {{.Server.Version}}").splitlines())
        tell(*fleet.run("version").splitlines()[:1])
        fleet.run("build", "redis", "prometheus", "calls")
        fleet.token = fleet.run("run", "--rm", "-T", "api", "token", "create", "host").split()[-1]
        fleet.run("up", "-d", "--no-build", "--scale", "media=3", *ROLES)
        try:
            await_healthy(fleet)
            yield fleet
        finally:
            if request.session.testsfailed or sys.exception():
                tell(*fleet.run("logs", "--no-color", "--tail", "15").splitlines())


@pytest.fixture(scope="session")
def client(compose: Compose) -> Iterator[Any]:
    """The ledger's server, on the network that only containers and this machine reach."""
    address, password = compose.address_of("redis", "ledger"), read("redis-password", compose)
    with closing(redis.Redis(address, password=password, decode_responses=True)) as connected:
        yield connected
