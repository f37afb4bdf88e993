"""The ledger's server: whether it answers, what it is, whether it keeps what it is given, and its clock."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.doctor.finding import Finding, ok, problem, warning
from pipeline.doctor.patient import Patient
from pipeline.server import name_of, problem_of_eviction, problem_of_version

# The gate's times are told on the clock here, and the embedded forecast too; more than this confuses people.
CLOCKS_APART_S = 2.0
# Of the memory that the server may use.
MEMORY_USED_MUCH = 0.9


def reached(patient: Patient) -> Iterator[Finding]:
    """Look whether it answers, and whether it is one that will do."""
    info = patient.store.info("server")
    name, version = name_of(info)
    own = ", which this machine brought" if patient.is_embedded else ""
    what = f"{name} {version} at {patient.store.address}{own},"
    if said := problem_of_version(info):
        yield problem("server", f"The server at {patient.store.address} {said}", "Upgrade it.")
    elif info.get("redis_mode") == "cluster":
        yield problem("server", f"{what} is part of a cluster.", "Name a server that is not, or Sentinels.")
    else:
        yield ok("server", f"{what} answers.")


def role(patient: Patient) -> Iterator[Finding]:
    """Look whether it takes writes, and whether a replica is there that it may wait for."""
    info = patient.store.info("replication")
    if info.get("role") not in {"master", None}:
        yield problem(
            "role",
            "It is a replica, which only reads.",
            "Name its primary in GONG_INGEST_REDIS_URL, or the Sentinels that know it.",
        )
    else:
        replicas = int(info.get("connected_slaves", 0))
        yield ok("role", f"It is the primary{f' of {replicas} replicas' if replicas else ''}.")


def memory(patient: Patient) -> Iterator[Finding]:
    """Look whether it would drop keys, and how full it is."""
    info = patient.store.info("memory")
    if said := problem_of_eviction(info):
        yield problem(
            "memory", f"It {said.rpartition(' Set it')[0]}", "CONFIG SET maxmemory-policy noeviction"
        )
        return
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    told = f"{used / 1e6:,.0f} MB used" + (f" of {most / 1e6:,.0f}" if most else ", without a bound")
    if most and used > MEMORY_USED_MUCH * most:
        yield warning(
            "memory",
            f"It is nearly full: {told}.",
            "Give it more (maxmemory); at its bound nothing is written.",
        )
    else:
        yield ok("memory", f"It drops no keys; {told}.")


def persistence(patient: Patient) -> Iterator[Finding]:
    """Look whether what is written outlasts a restart."""
    yield _persistence(patient.store.info("persistence"), synced=patient.store.config("appendfsync"))


def _persistence(info: Mapping[str, Any], *, synced: str | None) -> Finding:
    failed = [
        name
        for name in ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
        if info.get(name, "ok") != "ok"
    ]
    if failed:
        return problem(
            "persistence",
            f"It could not write to its disk ({', '.join(failed)}).",
            "Make room on its disk, and look at its log; what is written stays.",
        )
    if not info.get("aof_enabled"):
        return warning(
            "persistence",
            "Its append-only file is off: what was written since the last snapshot is lost when it restarts.",
            "CONFIG SET appendonly yes, and appendonly yes in its file of settings",
        )
    if synced is None:
        return warning(
            "persistence",
            "Its append-only file is on; whether it answers before what it was given is on the disk is not "
            "known: this user may not ask (CONFIG GET).",
            "Ask whoever runs it whether appendfsync is always, and what is lost if not: docs/redis.md",
        )
    if synced != "always":
        return warning(
            "persistence",
            f"It answers before its append-only file is on the disk (appendfsync {synced}): what was "
            "accepted last is lost with its power, or when it is killed while its disk is busy.",
            "CONFIG SET appendfsync always, and appendfsync always in its file of settings",
        )
    return ok("persistence", "Its append-only file is on, and written before it answers.")


def clock(patient: Patient) -> Iterator[Finding]:
    """Compare its clock with this machine's, by half of the way there and back."""
    before = time.time()
    there = patient.limiter.clock()
    after = time.time()
    apart_s = there - (before + after) / 2
    told = f"The server's clock and this machine's are {abs(apart_s):.1f} s apart"
    if abs(apart_s) > CLOCKS_APART_S + (after - before) / 2:
        yield warning(
            "clock",
            f"{told}; the server's is {'ahead' if apart_s > 0 else 'behind'}.",
            "Let both be set by NTP: limits follow the server's clock, signed addresses this machine's.",
        )
    else:
        yield ok("clock", f"{told}.")
