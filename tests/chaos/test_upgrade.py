"""A fleet is upgraded in the middle of a backfill, and goes back: an earlier commit beside this tree."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.rights import ROLES, Role
from pipeline.rights.probing import missing, tries_of
from pipeline.store import Store
from tests.chaos.arena import Arena, arena
from tests.chaos.commands import Command, write_rows
from tests.chaos.fleet import ROOT
from tests.chaos.test_ledger_moves import DEBIANS, addressed_server, stop
from tests.environment import ENVIRONMENT
from tests.runbook import Shell, blocks_of
from tests.servers import program_of
from tests.waiting import await_true

pytestmark = pytest.mark.long

# The earlier version is the last one without this file: there Celery publishes the links of a chain, and the
# scripts have other texts. To be replaced by the last release, once there is one.
NEW_SINCE = "workers/step_message.py"
QUEUES = {"calls": 3, "media": 6}
RECORDINGS, FEW = 240, 20


def write_earlier_version(folder: Path) -> Path:
    """Write the earlier version into a folder, which becomes the root of its programs."""
    folder.mkdir()
    brought = _git("log", "--diff-filter=A", "--format=%H", "--", NEW_SINCE).decode().split()
    if not brought:
        pytest.fail(f"The commit before {NEW_SINCE} is needed, and a clone without its history has none.")
    archive = _git("archive", f"{brought[-1]}^", "pipeline", "workers")
    subprocess.run([program_of("tar"), "-x", "-C", str(folder)], env=ENVIRONMENT, input=archive, check=True)
    return folder


def _git(*words: str) -> bytes:
    return subprocess.run(
        [program_of("git"), *words], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, check=True
    ).stdout


def hand_in(running: Arena, batch: str, count: int, *, root: Path) -> None:
    write_rows(running, batch, count)
    manifest = running.folder / "media" / f"{batch}.jsonl"
    done = Command(running, "backfill", manifest, "--batch", batch, "--no-wait", root=root).finish()
    assert done.code == 0, done.stderr


def await_member(running: Arena, name: str) -> None:
    await_true(lambda: name in str(running.ledger.members()), f"{name} is alive", within_s=30)


def replace_workers(running: Arena, version: str, root: Path, between: Callable[[str], None]) -> None:
    """Replace the workers of one queue after those of the other, and do something after each."""
    for queue, processes in QUEUES.items():
        stop(*(each for each in running.fleet.workers if each.wanted and each.name.startswith(queue)))
        name = f"{queue}-{version}"
        running.fleet.add(name, queues=queue, concurrency=processes, root=root)
        await_member(running, f"{name}@")
        between(f"with-{name}")


def test_users_are_given_what_a_new_version_needs_and_keep_their_passwords() -> None:
    users, _ = blocks_of("upgrade.md", "One after the other")
    with addressed_server(DEBIANS) as (server, port):
        # given users of an earlier version, who can log in
        for role in ROLES:
            words = f"resetchannels resetkeys -@all +ping on >{role.name}"
            server.client.execute_command("ACL", "SETUSER", f"gong-{role.name}", *words.split())
        shell = Shell(ROOT, {**ENVIRONMENT, "REDIS": f"redis://127.0.0.1:{port}/0"})
        shell.type(users)
        for role in ROLES:
            url = server.url.replace("//", f"//gong-{role.name}:{role.name}@")
            with closing(Store(url, "gong-ingest")) as store:
                assert missing(tries_of(role, "gong-ingest"), store.refusals(words_of(role))) == []


def words_of(role: Role) -> list[tuple[str, ...]]:
    return [each.words for each in tries_of(role, "gong-ingest")]


def test_versions_replace_each_other_in_the_middle_of_a_backfill() -> None:
    _, look = blocks_of("upgrade.md", "One after the other")
    with arena(per_second=40) as running:
        earlier = write_earlier_version(running.folder / "earlier")
        shell = Shell(running.folder, running.fleet.environment)

        def between(batch: str) -> None:
            """Look at the fleet, and let it bring in what the earlier version hands in."""
            shell.type(look)
            hand_in(running, batch, FEW, root=earlier)
            assert running.await_final(batch, within_s=90).done == FEW

        for queue, processes in QUEUES.items():
            running.fleet.add(f"{queue}-first", queues=queue, concurrency=processes, root=earlier)
        # what the earlier version handed in is worked on by both, and goes on in this one
        hand_in(running, "up", RECORDINGS, root=earlier)
        await_true(lambda: running.seen() >= RECORDINGS // 3, "it is in the middle", within_s=60)
        replace_workers(running, "now", ROOT, between)
        assert running.await_final("up", within_s=120).done == RECORDINGS
        # back again: what this one handed in waits, in its newer form, and loses no attempt
        hand_in(running, "down", 4 * RECORDINGS, root=ROOT)
        await_true(lambda: running.ledger.counts("down").done >= RECORDINGS // 4, "some are in", within_s=60)
        replace_workers(running, "earlier", earlier, between)
        counts = running.ledger.counts("down")
        assert counts.waiting
        assert not counts.dead
        # until newer workers come again
        replace_workers(running, "again", ROOT, between)
        assert running.await_final("down", within_s=180).done == 4 * RECORDINGS
        assert {counts.adopted for counts in running.ledger.batches()} == {0}
        assert running.audit() == []
