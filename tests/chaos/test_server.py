"""The server of ledger and broker is killed, frozen, wiped, full, read-only, or of the wrong kind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.cli import ExitCode
from pipeline.errors import LedgerUnreachable
from pipeline.job import job_id_of
from tests.chaos.arena import LEASE_TTL_S, Arena, arena
from tests.chaos.audit import audit
from tests.chaos.recordings import write_manifest, write_recordings
from tests.chaos.waiting import hold_true
from tests.waiting import await_true

RECORDINGS = 60
# A slot is bound at most 2 s ahead, by a process each.
UNDER_WAY = 9


@pytest.fixture(scope="module")
def system() -> Iterator[Arena]:
    """Give an arena with a fleet, for one test after the other."""
    with arena(per_second=50) as running:
        _add_workers(running)
        yield running


def _add_workers(running: Arena) -> None:
    running.fleet.add("calls", queues="calls", concurrency=3)
    running.fleet.add("media", queues="media", concurrency=6)


def _hand_in(running: Arena, batch: str) -> None:
    """Hand a batch in and wait until the fleet is in the middle of it."""
    before = running.seen()
    running.hand_in(batch, RECORDINGS)
    await_true(lambda: running.seen() >= before + RECORDINGS // 3, "the fleet is at work", within_s=20)


def test_backfill_survives_a_killed_and_a_frozen_server(system: Arena) -> None:
    _hand_in(system, "server")
    system.server.kill()
    system.server.start()
    sent = system.seen()
    await_true(lambda: system.seen() >= sent + RECORDINGS // 2, "the fleet goes on", within_s=40)
    system.server.freeze()
    sent = system.seen()
    hold_true(lambda: system.seen() <= sent + UNDER_WAY, "no slot is given", for_s=LEASE_TTL_S + 0.5)
    system.server.thaw()
    counts = system.await_final("server", within_s=60)
    assert counts.done == RECORDINGS
    assert system.audit() == []


def test_wiped_server_is_filled_again_from_the_api_by_the_same_manifest() -> None:
    with arena() as running:
        _add_workers(running)
        running.hand_in("wiped", 20)
        running.await_final("wiped", within_s=30)
        before = running.evidence()
        running.server.client.flushall()
        running.submit("wiped", running.recordings)
        running.await_final("wiped", within_s=40)
        after = running.evidence(adopted_expected=20)
        calls = {call["clientUniqueId"]: call["callId"] for call in after.calls}
        ids = {name: after.jobs[job_id_of(name)]["call_id"] for name in calls}
        assert calls == {call["clientUniqueId"]: call["callId"] for call in before.calls} == ids
        # the slots and the notes of before were wiped with the rest
        grants = [*before.grants_s, *after.grants_s]
        noted = replace(after.counts[0], requests=after.counts[0].requests + before.counts[0].requests)
        assert audit(replace(after, grants_s=grants, counts=[noted])) == []


SPOILT = {
    "its memory is full": ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
    "it is a replica that only reads": ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
}


def test_workers_wait_for_a_server_that_takes_no_writes_and_go_on_by_themselves(system: Arena) -> None:
    _hand_in(system, "spoilt")
    for batch, (sentence, (spoil, mend)) in zip(("full", "replica"), SPOILT.items(), strict=True):
        system.server.client.execute_command(*spoil.split())
        with pytest.raises(LedgerUnreachable, match=sentence):
            system.hand_in(batch, 1)
        _hold_still(system)
        system.server.client.execute_command(*mend.split())
        # what was refused is handed in again, and nothing else has to be done
        system.submit(batch, system.recordings[-1:])
        assert system.await_final(batch, within_s=60).done == 1
    assert system.await_final("spoilt", within_s=60).done == RECORDINGS
    assert system.audit() == []


def _hold_still(running: Arena) -> None:
    """Watch that no more requests are made than those that had their slot already."""
    sent = running.seen()
    hold_true(lambda: running.seen() <= sent + UNDER_WAY, "no request leaves without a slot", for_s=1.5)


@pytest.mark.parametrize("command", [["worker"], ["backfill", "calls.jsonl"], ["status"]])
def test_server_that_would_drop_keys_is_refused_at_the_start(command: list[str]) -> None:
    with arena() as running:
        write_manifest(running.folder / "calls.jsonl", write_recordings(running.folder / "media", ["one"]))
        running.server.client.config_set("maxmemory-policy", "allkeys-lru")
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *command],
            env=running.fleet.environment,
            cwd=running.folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == ExitCode.WRONG_USAGE
        assert "maxmemory-policy is allkeys-lru" in done.stderr
