"""The server of the ledger is killed, frozen, out of reach, wiped, full, read-only, or of a wrong kind."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from random import Random

import pytest

from pipeline.cli import ExitCode
from pipeline.errors import LedgerUnreachable
from pipeline.job import job_id_of
from tests.chaos.arena import Arena, arena, new_seed
from tests.chaos.audit import audit
from tests.chaos.cable import cable_to
from tests.chaos.recordings import write_manifest, write_recordings
from tests.chaos.scenarios import scenario
from tests.chaos.waiting import hold_true
from tests.waiting import await_true

RECORDINGS = 60
SERVER_KILLS = 3
FREEZE_S = 20.0
REFUSED_S, SILENT_S = 15.0, 15.0
# A slot is bound at most 2 s ahead, by a process each.
UNDER_WAY = 9


def _add_workers(running: Arena) -> None:
    running.fleet.add("calls", queues="calls", concurrency=3)
    running.fleet.add("media", queues="media", concurrency=6)


def _begin(running: Arena, batch: str, count: int = RECORDINGS) -> None:
    """Hand a batch in and wait until a fleet is in the middle of it."""
    _add_workers(running)
    running.hand_in(batch, count)
    _await_requests(running, RECORDINGS // 3)


def _await_requests(running: Arena, more: int) -> None:
    sent = running.seen()
    await_true(lambda: running.seen() >= sent + more, f"{more} more requests are made", within_s=60)


def _hold_still(running: Arena, *, for_s: float) -> None:
    """Watch that no more requests are made than those that had their slot already."""
    sent = running.seen()
    hold_true(lambda: running.seen() <= sent + UNDER_WAY, "no request leaves without a slot", for_s=for_s)


def _assert_all_is_in(running: Arena, batch: str) -> None:
    counts = running.await_final(batch, within_s=120)
    assert counts.done == counts.total == sum(each.path.parent.name == batch for each in running.recordings)
    # the workers waited and went on by themselves, each with one dispatcher
    assert running.fleet.restarts == 0
    workers = len(running.fleet.workers)
    await_true(lambda: running.dispatchers() == workers, "every dispatcher waits", within_s=20)
    hold_true(lambda: running.dispatchers() <= workers, "a worker has one dispatcher", for_s=1)
    assert running.audit() == []


@scenario(waits_s=10)
def test_backfill_survives_a_server_that_is_killed_three_times() -> None:
    random = Random(new_seed())
    with arena(per_second=40) as running:
        _begin(running, "killed", 3 * RECORDINGS)
        for _ in range(SERVER_KILLS):
            assert running.ledger.counts("killed").waiting
            running.server.restart()
            _await_requests(running, random.randrange(10, 25))
        _assert_all_is_in(running, "killed")


@scenario(waits_s=FREEZE_S)
def test_backfill_survives_a_server_that_is_frozen_for_20_s() -> None:
    with arena(per_second=40) as running:
        _begin(running, "frozen")
        running.server.freeze()
        _hold_still(running, for_s=FREEZE_S)
        running.server.thaw()
        _assert_all_is_in(running, "frozen")


@scenario(waits_s=REFUSED_S + SILENT_S)
def test_backfill_survives_a_server_that_is_out_of_reach_for_30_s() -> None:
    with arena(per_second=40) as running, cable_to(running.server.socket) as cable:
        running.fleet.environment["GONG_INGEST_REDIS_URL"] = cable.url
        _begin(running, "away")
        cable.cut()
        _hold_still(running, for_s=REFUSED_S)
        cable.hold()
        _hold_still(running, for_s=SILENT_S)
        cable.mend()
        _assert_all_is_in(running, "away")


@scenario()
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


@scenario()
def test_workers_wait_for_a_server_that_takes_no_writes_and_go_on_by_themselves() -> None:
    with arena(per_second=50) as running:
        _begin(running, "spoilt")
        for batch, (sentence, (spoil, mend)) in zip(("full", "replica"), SPOILT.items(), strict=True):
            running.server.client.execute_command(*spoil.split())
            with pytest.raises(LedgerUnreachable, match=sentence):
                running.hand_in(batch, 1)
            _hold_still(running, for_s=1.5)
            running.server.client.execute_command(*mend.split())
            # what was refused is handed in again, and nothing else has to be done
            running.submit(batch, running.recordings[-1:])
            assert running.await_final(batch, within_s=60).done == 1
        _assert_all_is_in(running, "spoilt")


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
