"""A fleet and Flower whose way to the server is encrypted, both sides showing certificates."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.authorities import Authority
from tests.chaos.arena import arena
from tests.chaos.commands import Command, write_rows
from tests.chaos.fleet import ROOT
from tests.flowers import LOGIN, Flower, free_port, is_healthy
from tests.servers import program_of, running_server
from tests.system.test_flower import tasks_in
from tests.waiting import await_true

# The project's own server speaks no TLS.
pytestmark = pytest.mark.long

RECORDINGS = 20


def test_a_fleet_and_flower_go_encrypted(tmp_path: Path) -> None:
    authority, port = Authority(tmp_path), free_port()
    server_side = authority.give("server", ["localhost"])
    client_side = authority.give("client", ["gong-ingest"])
    with (
        running_server(
            program=program_of("redis-server"),
            tls_port=str(port),
            tls_cert_file=str(server_side.path),
            tls_key_file=str(server_side.key),
            tls_ca_cert_file=str(authority.path),
        ) as server,
        arena(
            server=server,
            REDIS_URL=f"rediss://fleet:pass%2Fword@localhost:{port}/0",
            REDIS_CA=str(authority.path),
            REDIS_CERTIFICATE=str(client_side.path),
            REDIS_CERTIFICATE_KEY=str(client_side.key),
        ) as running,
    ):
        server.client.execute_command("ACL", "SETUSER", "fleet", "on", ">pass/word", "~*", "&*", "+@all")
        running.fleet.add("both", concurrency=4)
        web = free_port()
        flower = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "flower", "--port", str(web)],
            env=running.fleet.environment | {"FLOWER_BASIC_AUTH": LOGIN},
            cwd=ROOT,
        )
        pages = Flower(web, flower)
        try:
            await_true(lambda: is_healthy(pages), "Flower answers", within_s=30)
            write_rows(running, "encrypted", RECORDINGS)
            manifest = running.folder / "media" / "encrypted.jsonl"
            handed_in = Command(running, "backfill", manifest, "--no-wait", "--json").finish()
            assert handed_in.code == 0, handed_in.stderr
            assert json.loads(handed_in.stdout)["submitted"] == RECORDINGS
            assert running.await_final("encrypted", within_s=60).done == RECORDINGS
            await_true(
                lambda: [row["state"] for row in tasks_in(pages)].count("SUCCESS") >= 3 * RECORDINGS,
                "Flower shows every task",
                within_s=30,
            )
            broker = pages.get("/broker")
            assert broker.status == 200
            assert "calls" in broker.text
        finally:
            flower.terminate()
            flower.wait(20)
        # the arena alone looks in through the socket
        ways = {client["laddr"].rpartition(":")[2] for client in server.client.client_list()}
        assert ways == {str(port), "0"}
        assert running.audit() == []
