"""A server for the whole run, and for each test a part of it of its own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from pipeline.store import Store
from tests.servers import Server, running_server

# The same examples in each run, and none fails because the machine is slow.
settings.register_profile(
    "tests", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that every test may use, and none may stop or configure."""
    # `test_servers.py` runs these tests with other programs.
    # Nobody kills it, so nobody waits for the disk.
    with running_server(program=os.environ.get("TEST_SERVER_PROGRAM", ""), appendfsync="no") as running:
        yield running


@pytest.fixture(scope="session")
def server_url(server: Server) -> str:
    return server.url


@pytest.fixture
def namespace() -> str:
    """A name below which nobody else has keys."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def store(server_url: str, namespace: str) -> Iterator[Store]:
    """The shared server, seen from a namespace of the test's own."""
    opened = Store(server_url, namespace)
    yield opened
    opened.close()
