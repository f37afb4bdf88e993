"""A worker that anybody starts: what it refuses to start on, and how it says so."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pipeline.settings import Settings
from tests.servers import Server, running_server
from workers.starting import check_server

WITHIN_S = 30.0


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that the test may configure."""
    with running_server() as running:
        yield running


def start_worker(url: str) -> subprocess.CompletedProcess[str]:
    """Start a worker as Celery's own command does, and wait for its end."""
    return subprocess.run(
        [sys.executable, "-m", "celery", "-A", "workers", "worker", "-c", "1"],
        env=os.environ | {"GONG_INGEST_REDIS_URL": url, "GONG_INGEST_NAMESPACE": "test"},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def test_a_server_that_would_drop_keys_ends_it_with_the_sentence(own_server: Server) -> None:
    own_server.client.config_set("maxmemory-policy", "allkeys-lru")

    ended = start_worker(own_server.url)

    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.endswith("maxmemory-policy is allkeys-lru. Set it to noeviction.\n")
    assert "Traceback" not in ended.stderr
    assert own_server.client.dbsize() == 0


def test_a_server_that_lets_it_do_nothing_ends_it_with_the_sentence(own_server: Server) -> None:
    own_server.client.execute_command("ACL", "SETUSER", "user", "on", ">word", "~test:*", "+@read")

    ended = start_worker(own_server.url.replace("unix://", "unix://user:word@"))

    assert ended.returncode == 7, ended.stderr
    assert "refuses INFO: User user has no permissions to run the 'info' command" in ended.stderr
    assert "word@" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_server_that_is_away_is_waited_for() -> None:
    check_server(Settings(redis_url="unix:///nowhere/valkey.sock"))
