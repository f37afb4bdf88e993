"""Who is alive, by name, and what a health check is told about the workers of its machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger import Ledger, Member
from pipeline.members import members_of
from pipeline.store import Store
from tests.clocks import Clock
from tests.servers import Server

HERE = socket.gethostname()


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


def test_a_check_starts_no_server(container: Container, tmp_path: Path) -> None:
    checked = container.check(GONG_INGEST_REDIS_URL="", GONG_INGEST_DATA_DIR=str(tmp_path / "data"))

    assert checked.code == 4
    assert not (tmp_path / "data").exists()
