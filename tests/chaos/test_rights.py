"""Every role does its whole work as a user with the rights of `ops/redis/users.acl`, and no others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from pipeline.cli import ExitCode
from pipeline.job import Lane, Reason, Step
from pipeline.rights import ROLES, file_of
from tests.chaos.arena import NAMESPACE, Arena, arena
from tests.chaos.commands import Command, Finished, write_rows
from tests.chaos.fleet import ROOT
from tests.flowers import LOGIN, Flower, free_port, is_healthy
from tests.servers import Server, program_of, running_server
from tests.system.test_flower import tasks_in
from tests.waiting import await_true

RECORDINGS = 12
PASSWORD = "a long password"


def give_rights(server: Server) -> None:
    """Make the users, each with a password."""
    for line in file_of(NAMESPACE).splitlines():
        _, name, *rules = line.split()
        server.client.execute_command("ACL", "SETUSER", name, *rules, "on", f">{PASSWORD}")
    server.client.execute_command("ACL", "LOG", "RESET")


def as_user(server: Server, role: str) -> str:
    return server.url.replace("unix://", f"unix://gong-{role}:{PASSWORD.replace(' ', '%20')}@")


def run(running: Arena, role: str, *arguments: str | Path, text: str = "") -> Finished:
    """Run a command as a role; it ends well. Who only hands in has no key for the API."""
    environment = running.fleet.environment
    environment["GONG_INGEST_REDIS_URL"] = as_user(running.server, role)
    key = {name: text for name, text in environment.items() if name.startswith("GONG_ACCESS_KEY")}
    if role == "producer":
        for name in key:
            del environment[name]
    done = Command(running, *arguments).finish(text)
    environment |= key
    assert done.code in {ExitCode.DONE, ExitCode.SOME_FAILED}, f"{role}: {arguments}: {done.stderr}"
    return done


def refused(server: Server) -> list[str]:
    """List what was refused to whom, beside that redis-py may tell its name, which nobody needs."""
    entries = server.client.execute_command("ACL", "LOG")
    return [
        f"{each['username']}: {each['reason']} {each['object']} ({each['context']})"
        for each in entries
        if each["object"] != "client|setinfo"
    ]


@contextmanager
def running_command(running: Arena, role: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Let a command run as a role, and end it as a person does."""
    command = [sys.executable, "-m", "pipeline.cli", *arguments]
    address = {"GONG_INGEST_REDIS_URL": as_user(running.server, role)}
    environment = running.fleet.environment | address | {"FLOWER_BASIC_AUTH": LOGIN}
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def do_everything(running: Arena) -> None:
    give_rights(running.server)
    rows = write_rows(running, "one", RECORDINGS)
    broken = json.dumps({"call": {"clientUniqueId": "broken"}, "media": "none.wav"})
    manifest = running.folder / "media" / "one.jsonl"
    manifest.write_text("".join([*rows, f"{broken}\n"]))
    media = ("--media-root", str(running.folder / "media"))
    # each hands in as it does, before anybody works
    run(running, "producer", "backfill", manifest, "--no-wait", "--json")
    run(running, "client", "enqueue", text="".join(write_rows(running, "two", 3)))
    run(running, "producer", "backfill", manifest, "--no-wait", "--json")
    run(running, "operator", "pause", "one")
    run(running, "operator", "gate", "close")
    run(running, "operator", "limits", "--requests-per-second", "60")
    run(running, "viewer", "status", "--json")
    web = free_port()
    with (
        running_command(running, "worker", "worker"),
        running_command(running, "flower", "flower", "--port", str(web)) as flower,
    ):
        pages = Flower(web, flower)
        await_true(lambda: is_healthy(pages), "Flower answers", within_s=30)
        await_true(lambda: running.ledger.fleet().workers == 2, "the workers are there", within_s=30)
        run(running, "operator", "gate", "open")
        run(running, "operator", "resume", "--all")
        for batch in ("one", "enqueue"):
            running.await_final(batch, within_s=60)
        assert refused(running.server) == []
        await_true(
            lambda: {row["state"] for row in tasks_in(pages)} == {"SUCCESS"}, "Flower saw it", within_s=30
        )
        for page in ("/workers", "/broker", "/batches", "/batch?name=one"):
            assert pages.get(page).status == 200, page
        for action in ("pause", "resume"):
            assert pages.act(name="one", action=action).status == 200
    done = run(running, "viewer", "report", "one", "--format", "jsonl")
    assert done.stdout.count('"state": "done"') == RECORDINGS
    run(running, "viewer", "dead")
    hand_in_what_is_dead(running)
    run(running, "operator", "retry", "--all")
    run(running, "operator", "requeue", "one", *media)
    run(running, "operator", "cancel", "--all", "--yes")
    run(running, "operator", "forget", "one", "--yes")


def hand_in_what_is_dead(running: Arena) -> None:
    """Hand a manifest in again of which a recording died: who only hands in may not read why."""
    write_rows(running, "dying", 1)
    backfill = ("backfill", running.folder / "media" / "dying.jsonl", "--no-wait")
    run(running, "producer", *backfill)
    (claim,) = running.ledger.claim([Lane.BACKFILL], window=1).jobs
    held = running.ledger.begin_step(claim.job_id, claim.lease_token, Step.VALIDATE, run="1")
    running.ledger.bury(held, Reason("call_invalid", "a field is missing"))

    assert "see why they are dead with" in run(running, "producer", *backfill).stderr


@pytest.mark.long
@pytest.mark.parametrize("program", ["", "redis-server"], ids=["ours", "redis of Debian"])
def test_every_role_does_its_whole_work(program: str) -> None:
    with (
        running_server(program=program and program_of(program)) as server,
        arena(server=server) as running,
    ):
        do_everything(running)

        assert refused(server) == []


# What the limiter goes by, and who works: real keys, that those who hand in read.
OF_OTHERS = [
    *("HSET chaos:gate reason by_hand", "HDEL chaos:gate reason", "HSET chaos:limits requests_per_second 99"),
    *("HSET chaos:limiter next_us 0", "LPUSH chaos:grants 1", "LTRIM chaos:live_grants 1 0"),
    *("HSET chaos:workers x 1", "SET chaos:events:kept 0", "HGETALL chaos:oauth", "HGETALL chaos:people"),
    *("RPUSH chaos:celery:calls x", "HGETALL chaos:webhook", "LINDEX chaos:closings 0", "DEL chaos:job:x"),
]
# What those who hand in put there, and never read again.
PUT_INTO = [
    *("HGETALL chaos:rejected:one", "HGET chaos:rejected:one 1:1", "HKEYS chaos:rejected:one"),
    *("ZREVRANGE chaos:cancelled:0:one 0 -1", "ZSCORE chaos:cancelled:0:one x", "LINDEX chaos:wake 0"),
]
FORBIDDEN = {
    "producer": [*OF_OTHERS, *PUT_INTO, "GET chaos:payload:x", "SMEMBERS chaos:reasons:one"],
    "client": [*OF_OTHERS, *PUT_INTO, "PUBLISH chaos:notices x"],
    "api": [
        *("LPUSH chaos:celery:calls x", "LPOP chaos:grants", "PUBLISH chaos:notices x"),
        *(
            "HSET chaos:gate reason by_hand",
            "HSET chaos:limits requests_per_second 99",
            "HSET chaos:workers x 1",
        ),
    ],
    "viewer": [
        "HSET chaos:job:x state done",
        "DEL chaos:batches",
        "LPUSH chaos:celery:calls x",
        "LPOP chaos:grants",
    ],
    "worker": ["SET chaos:else x", "SUBSCRIBE other:notices", "HSET other:job:x state done"],
    "flower": ["SET chaos:else x", "SUBSCRIBE chaos:notices", "HSET other:job:x state done"],
    "operator": ["GET other:payload:x", "LPUSH chaos:celery:calls x", "PUBLISH other:notices x"],
}
# What a server cannot refuse to whoever hands in, since its scripts do it: docs/redis.md says so.
STILL_ALLOWED_TO_PRODUCERS = [
    *("ZREVRANGE chaos:batches 0 -1", "HGETALL chaos:batch:one", "HKEYS chaos:rows:one:1:0"),
    *(
        "HGETALL chaos:job:x",
        "LINDEX chaos:story:x -1",
        "ZREVRANGE chaos:dead:validate:media_missing:one 0 -1",
    ),
    *("HGETALL chaos:gate", "HGETALL chaos:limits", "HGETALL chaos:workers", "SET chaos:payload:x other"),
    *("HSET chaos:job:x state done", "HDEL chaos:job:x call_id", "HDEL chaos:rejected:one 1:1"),
    *("ZREM chaos:due:backfill:one x", "LTRIM chaos:story:x 1 0", "HSET chaos:batch:one paused_at 1"),
]
BY_NOBODY = [
    *("FLUSHALL", "FLUSHDB", "CONFIG GET requirepass", "CONFIG SET maxmemory 1", "KEYS *", "SHUTDOWN NOSAVE"),
    *(
        "ACL LIST",
        "MONITOR",
        "REPLICAOF NO ONE",
        "CLIENT LIST",
        "SWAPDB 0 1",
        "SCRIPT FLUSH",
    ),
]


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    with running_server() as server:
        give_rights(server)
        yield server


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_a_role_can_do_nothing_else(guarded: Server, role: str) -> None:
    client: Any = redis.Redis.from_url(as_user(guarded, role))
    assert client.ping()

    for command in [*FORBIDDEN[role], *BY_NOBODY]:
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command.split(" "))
    client.close()


def test_a_producer_can_still_do_what_the_documentation_warns_of(guarded: Server) -> None:
    client: Any = redis.Redis.from_url(as_user(guarded, "producer"))

    for command in STILL_ALLOWED_TO_PRODUCERS:
        client.execute_command(*command.split(" "))
    client.close()


def test_nobody_can_log_in_with_the_file_alone() -> None:
    with running_server() as server:
        for line in file_of("gong-ingest").splitlines():
            server.client.execute_command("ACL", "SETUSER", *line.split()[1:])

        for role in ROLES:
            client = redis.Redis.from_url(server.url.replace("unix://", f"unix://gong-{role.name}:@"))
            with pytest.raises(redis.AuthenticationError):
                client.ping()
            client.close()
