"""The primary of a fleet is lost, and Sentinels make its replica the primary."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from pipeline.ledger import Ledger
from pipeline.limiter import Limiter
from pipeline.store import Store
from tests.chaos.arena import LEASE_TTL_S, NAMESPACE, Arena, arena, new_seed
from tests.chaos.audit import audit
from tests.chaos.commands import Command, write_rows
from tests.chaos.telling import tell
from tests.sentinels import DOWN_AFTER_MS, SENTINEL_PASSWORD, watched_servers
from tests.servers import Server
from tests.waiting import await_true

# A failover takes seconds, and what was lost is found again after a lease.
pytestmark = pytest.mark.long

RECORDINGS = 150
# What had its slot leaves for a moment more; nobody is promoted before a Sentinel misses the primary.
SHORTEST_FAILOVER_S = DOWN_AFTER_MS / 1000


def test_backfill_survives_a_failover_that_loses_writes() -> None:
    random = Random(new_seed())
    with (
        watched_servers() as watched,
        arena(
            per_second=40,
            server=watched.primary,
            REDIS_URL=watched.url,
            REDIS_SENTINEL_PASSWORD=SENTINEL_PASSWORD,
        ) as running,
    ):
        running.fleet.add("calls", queues="calls", concurrency=3)
        running.fleet.add("media", queues="media", concurrency=6)
        write_rows(running, "failover", RECORDINGS)
        _hand_in(running)
        wanted = random.randrange(RECORDINGS // 2, RECORDINGS)
        await_true(lambda: running.seen() >= wanted, "it is in the middle", within_s=60)
        # what is written from now on is acknowledged and lost
        watched.cut_off_replica()
        more = running.seen() + 12
        await_true(lambda: running.seen() >= more, "more is done and lost", within_s=20)
        watched.primary.kill()
        killed_at = time.time()
        watched.await_promotion()
        _look_at(running, watched.replica)
        # then the fleet goes on by itself with what the new primary knows
        sent = running.seen()
        await_true(lambda: running.seen() >= sent + 20, "the fleet goes on", within_s=60)
        # and the manifest handed in again brings what it does not know
        _hand_in(running)
        assert running.await_final("failover", within_s=120).done == RECORDINGS
        watched.end_sentinels()
        found = running.evidence()
        silent_s = (
            min(each for each in found.arrivals_s if each > killed_at + SHORTEST_FAILOVER_S) - killed_at
        )
        tell(f"Requests went on {silent_s:.1f} s after the primary was killed.")
        old = _grants_of(watched.primary)
        # what was noted on the one that is gone is not known
        noted = [replace(found.counts[0], requests=len(found.arrivals_s))]
        evidence = replace(
            found,
            counts=noted,
            grants_s=sorted({*found.grants_s, *old}),
            adopted_expected=found.counts[0].adopted,
        )
        assert audit(evidence) == []
        lost = set(old) - set(found.grants_s)
        assert lost, "The failover lost nothing, so this shows nothing."


def _hand_in(running: Arena) -> dict[str, Any]:
    manifest = running.folder / "media" / "failover.jsonl"
    done = Command(running, "backfill", manifest, "--no-wait", "--json").finish()
    assert done.code == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _look_at(running: Arena, server: Server) -> None:
    """Let the arena look at another server from now on."""
    running.server = server
    store = Store(server.url, NAMESPACE)
    running.ledger = Ledger(store, lease_ttl_s=LEASE_TTL_S, attempts_max=200)
    running.limiter = Limiter(store, running.limiter.limits)


def _grants_of(server: Server) -> list[float]:
    """Read the slots that a dead primary granted from what it left on its disk."""
    server.begin_to_start(port="0")
    await_true(lambda: _answers(server), "it is read", within_s=20)
    return [int(text) / 1e6 for text in server.client.lrange(f"{NAMESPACE}:grants", 0, -1)]


def _answers(server: Server) -> bool:
    return server._answers()
