"""Who is alive, by name, and what a health check is told about the workers of its machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger import Ledger, Member
from pipeline.members import members_of
from pipeline.rights import file_of
from pipeline.store import Store
from tests.clocks import Clock
from tests.servers import Server, running_server

HERE = socket.gethostname()
# Of the health check in ops/docker/Dockerfile; probes of Kubernetes wait longer.
PROBE_TIMEOUT_S = 10.0
NOBODY = "redis://127.0.0.1:1/0"


@dataclass(frozen=True, slots=True)
class Checked:
    code: int
    document: dict[str, Any]
    said: str


@dataclass(frozen=True, slots=True)
class Container:
    """Where a health check is run: the settings that it finds."""

    environment: dict[str, str]

    def check(self, *options: str, **settings: str) -> Checked:
        process = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", "alive", "--json", *options],
            env=self.environment | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Checked(process.returncode, json.loads(process.stdout or "{}"), process.stderr)


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store, lease_ttl_s=30, attempts_max=20)


@pytest.fixture
def container(server: Server, namespace: str, tmp_path: Path) -> Container:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GONG")}
    settings = {"REDIS_URL": server.url, "NAMESPACE": namespace, "CONFIG": os.devnull}
    named = {f"GONG_INGEST_{name}": value for name, value in settings.items()}
    return Container(clean | named | {"HOME": str(tmp_path)})


def test_members_are_told_by_name_until_they_are_silent(store: Store) -> None:
    clock = Clock()
    ledger = Ledger(store, lease_ttl_s=30, attempts_max=20, clock=clock)
    ledger.join_fleet("calls-1@one", calls=4, media=0, ttl_s=10)
    ledger.join_fleet("media-7@two", calls=0, media=8, ttl_s=20)

    assert sorted(members_of(store, clock=clock)) == [
        Member("calls-1@one", calls=4, media=0),
        Member("media-7@two", calls=0, media=8),
    ]
    clock.advance(10)
    assert [member.machine for member in members_of(store, clock=clock)] == ["two"]


def test_a_worker_of_this_machine_is_alive(container: Container, ledger: Ledger) -> None:
    ledger.join_fleet(f"media-7@{HERE}", calls=0, media=8, ttl_s=60)

    checked = container.check("--queue", "media")

    assert checked.code == 0, checked.said
    assert checked.document == {
        "machine": HERE,
        "workers": [{"name": f"media-7@{HERE}", "calls": 0, "media": 8}],
    }


@pytest.mark.parametrize("options", [(), ("--queue", "media"), ("--workers-only",)])
def test_a_worker_elsewhere_says_nothing_of_this_machine(
    container: Container, ledger: Ledger, options: tuple[str, ...]
) -> None:
    ledger.join_fleet("media-7@elsewhere", calls=0, media=8, ttl_s=60)

    checked = container.check(*options)

    assert checked.code == 4
    assert f"on {HERE} is alive" in checked.said


def test_each_queue_that_is_asked_for_needs_a_worker(container: Container, ledger: Ledger) -> None:
    ledger.join_fleet(f"calls-1@{HERE}", calls=4, media=0, ttl_s=60)

    checked = container.check("--queue", "calls", "--queue", "media")

    assert checked.code == 4
    assert "No worker for media" in checked.said


def test_no_worker_need_be_restarted_for_a_server_out_of_reach(container: Container, tmp_path: Path) -> None:
    nowhere = {"GONG_INGEST_REDIS_URL": f"unix://{tmp_path}/nobody.sock"}

    assert container.check(**nowhere).code == 6
    checked = container.check("--workers-only", **nowhere)
    assert (checked.code, checked.document["workers"]) == (0, None)


def test_settings_that_are_wrong_are_told_to_every_probe(container: Container) -> None:
    for options in ((), ("--workers-only",)):
        checked = container.check(*options, GONG_INGEST_LEASE_TTL_S="soon")

        assert checked.code == 2
        assert "GONG_INGEST_LEASE_TTL_S" in checked.said


def test_a_check_starts_no_server(container: Container, tmp_path: Path) -> None:
    checked = container.check(GONG_INGEST_REDIS_URL="", GONG_INGEST_DATA_DIR=str(tmp_path / "data"))

    assert checked.code == 4
    assert not (tmp_path / "data").exists()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that the test may spoil."""
    with running_server() as running:
        yield running


NO_WORD = {
    "its memory is full": ("CONFIG SET maxmemory 1kb", "its memory is full"),
    "it waits for replicas": ("CONFIG SET min-replicas-to-write 1", "waits for replicas"),
    "it is a replica": ("REPLICAOF 127.0.0.1 1", "replica"),
    "it evicts": ("CONFIG SET maxmemory-policy allkeys-lru", "maxmemory-policy is allkeys-lru"),
    "it has another format": ("SET {namespace}:format 99", "FORMAT"),
    "its keys are somebody's": ("SET {namespace}:workers x", "WRONGTYPE"),
}


@pytest.mark.parametrize(("spoils", "said"), NO_WORD.values(), ids=NO_WORD.keys())
def test_no_worker_need_be_restarted_while_none_could_tell_that_it_is_alive(
    container: Container, own_server: Server, namespace: str, spoils: str, said: str
) -> None:
    here = {"GONG_INGEST_REDIS_URL": own_server.url}
    assert container.check("--workers-only", **here).code == 4
    own_server.client.execute_command(*spoils.format(namespace=namespace).split())

    assert container.check(**here).code in {4, 7}
    checked = container.check("--workers-only", "--queue", "media", **here)

    assert (checked.code, checked.document["workers"]) == (0, None), checked.said
    assert said in checked.said


def test_a_server_that_is_stuck_is_given_up_before_a_probe_is(
    container: Container, own_server: Server
) -> None:
    began = time.monotonic()
    container.check("--workers-only", GONG_INGEST_REDIS_URL=NOBODY)
    to_start_s = time.monotonic() - began

    own_server.freeze()
    try:
        began = time.monotonic()
        checked = container.check("--workers-only", GONG_INGEST_REDIS_URL=own_server.url)
        took_s = time.monotonic() - began
    finally:
        own_server.thaw()

    # Whatever a busy machine takes to start it.
    assert took_s - to_start_s < PROBE_TIMEOUT_S - 3
    assert (checked.code, checked.document["workers"]) == (0, None), checked.said


def test_a_check_leaves_nothing_behind(container: Container, own_server: Server) -> None:
    assert container.check("--workers-only", GONG_INGEST_REDIS_URL=own_server.url).code == 4

    assert own_server.client.keys() == []


def test_a_worker_that_hangs_is_told_to_a_worker_s_user_and_forgiven_to_one_that_may_not_know(
    container: Container, own_server: Server, namespace: str
) -> None:
    for line in file_of(namespace).splitlines():
        own_server.client.execute_command("ACL", "SETUSER", *line.split()[1:], "on", ">word")

    def check_as(role: str) -> Checked:
        address = own_server.url.replace("unix://", f"unix://gong-{role}:word@")
        return container.check("--workers-only", GONG_INGEST_REDIS_URL=address)

    assert check_as("worker").code == 4
    checked = check_as("viewer")
    assert (checked.code, checked.document["workers"]) == (0, None)
    assert "join_fleet" in checked.said
