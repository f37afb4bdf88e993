"""What each role needs is read off the scripts, and the server's file of users says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pipeline
from pipeline.rights import ROLES, Role, file_of
from pipeline.rights.scripts import rights_of_script
from pipeline.scripts import script_text
from tests.unit.test_store import SCRIPTS

ROOT = Path(pipeline.__file__).parents[1]
LUA = ROOT / "pipeline" / "lua"


def body_of(script: str) -> str:
    return (LUA / f"{script}.lua").read_text("utf-8")


def test_the_file_of_users_is_what_the_scripts_need() -> None:
    written = (ROOT / "ops" / "redis" / "users.acl").read_text("utf-8")

    assert written == file_of("gong-ingest"), "Run: python -m pipeline.rights > ops/redis/users.acl"


def test_every_script_belongs_to_a_role() -> None:
    assert set(SCRIPTS) == {name for role in ROLES for name in role.scripts}


@pytest.mark.parametrize("path", sorted(LUA.glob("*.lua")), ids=lambda path: path.stem)
def test_scripts_name_commands_and_keys_so_that_they_are_found(path: Path) -> None:
    text = "\n".join(
        line for line in path.read_text("utf-8").split("\n") if not line.lstrip().startswith("--")
    )

    assert text.count("redis.call(") + text.count("redis.pcall(") == len(
        re.findall(r"redis\.p?call\('[A-Z]+'", text)
    )
    # a key begins with the prefix, written out; the lists of the intake come with the question
    if path.stem in {"look_at_intake", "take_from_intake"}:
        return
    assert text.count("prefix ..") == len(re.findall(r"prefix \.\. '", text))


@pytest.mark.parametrize(
    ("script", "commands", "keys", "channels"),
    [
        ("clock", {"get", "time"}, {"format"}, set()),
        ("members", {"get", "time", "hgetall"}, {"format", "workers"}, set()),
        # through two functions of the prelude
        ("renew", {"get", "time", "hmget", "hset", "zadd"}, {"format", "job:*", "leases"}, set()),
        (
            "note_late",
            {"get", "hincrby", "hmget", "hset", "lindex", "publish", "rpop", "rpush", "time"},
            {"format", "grants", "limiter"},
            {"notices"},
        ),
    ],
)
def test_what_a_script_needs_is_read_off_its_text(
    script: str, commands: set[str], keys: set[str], channels: set[str]
) -> None:
    rights = rights_of_script(script)

    assert rights.commands == commands
    assert rights.keys == keys
    assert rights.channels == channels


WRITES = {
    *("del", "expire", "hdel", "hincrby", "hset", "hsetnx", "lpop", "lpush", "lrem", "lset", "ltrim", "mset"),
    *(
        "xadd",
        "xdel",
        "xtrim",
        "getdel",
        "publish",
        "rename",
        "rpop",
        "rpush",
        "sadd",
        "set",
        "srem",
        "zadd",
        "zrem",
        "zremrangebyscore",
    ),
}
DANGEROUS = {"flushall", "flushdb", "config", "keys", "shutdown", "debug", "acl", "monitor", "eval"}


def test_who_looks_changes_nothing() -> None:
    (viewer,) = (role for role in ROLES if role.name == "viewer")

    assert not viewer.rights.commands & WRITES
    assert not viewer.rights.channels


def test_who_hands_in_reads_no_calls_and_no_results() -> None:
    (producer,) = (role for role in ROLES if role.name == "producer")

    (line,) = (line for line in file_of("x").splitlines() if line.startswith("user gong-producer "))
    for key in ("payload:*", "rejected:*", "cancelled:*", "reasons:*"):
        assert f"%W~x:{key}" in line.split()
        assert f"~x:{key}" not in line.split()
    # and its scripts read none
    for name in producer.scripts:
        assert not re.search(r"\bdead_letter\b|'GET', payload_key", body_of(name))
    assert not any(key.startswith("celery") for key in producer.rights.keys)


# How scripts name keys that a role may only read, or only write.
NAMED = {
    "payload:*": r"payload_key\(",
    "rejected:*": r"rejected_key\(",
    "cancelled:*": r"cancelled_key\(",
    "reasons:*": r"reasons_key\(",
    "events": r"prefix \.\. 'events'",
    "wake": r"wake_key\b",
    "events:kept": r"prefix \.\. 'events:kept'",
    "workers": r"prefix \.\. 'workers'",
    **{name: rf"\b{name}_key\b" for name in ("gate", "limits", "limiter", "grants", "live_grants")},
}
# These say nothing of what lies in a key but how much, and servers ask for no right to read it.
COUNTS = {"exists", "hlen", "llen"}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_keys_for_one_thing_alone_are_used_for_nothing_else(role: Role) -> None:
    for name in role.scripts:
        text = script_text(name, without="if KEYS[2]")
        for key in role.write_only | role.read_only:
            found = re.findall(rf"redis\.p?call\('([A-Z]+)', {NAMED[key]}", text)
            writes = {each.lower() for each in found} & (WRITES | {"zadd", "mset"})
            reads = {each.lower() for each in found} - writes - COUNTS
            assert not (reads if key in role.write_only else writes), (name, key)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_only_who_works_or_decides_may_change_the_gate_and_the_limits(role: Role) -> None:
    (line,) = (line for line in file_of("x").splitlines() if line.startswith(f"user gong-{role.name} "))
    may_change = {"~x:gate", "~x:limits", "~x:limiter"} & set(line.split())

    assert bool(may_change and role.rights.commands & WRITES) == (role.name in {"worker", "operator"})


def test_nobody_may_what_would_end_everybodys_work() -> None:
    for role in ROLES:
        assert not role.rights.commands & DANGEROUS
        assert "*" not in role.rights.keys


def test_a_namespace_is_written_before_every_key_and_channel() -> None:
    words = file_of("acme").split()

    patterns = [word for word in words if word[0] in "~&%"]
    assert patterns
    assert all(word.lstrip("%RW~&").startswith("acme:") for word in patterns)
