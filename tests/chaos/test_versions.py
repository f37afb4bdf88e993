"""Workers of two versions share a server."""

from __future__ import annotations

from itertools import product

import pytest

from pipeline.cli import ExitCode
from pipeline.job import State, Step, job_id_of
from tests.chaos.arena import Arena, arena
from tests.chaos.commands import Command
from tests.chaos.fleet import ROOT
from tests.chaos.recordings import write_manifest, write_recordings
from tests.chaos.scenarios import scenario
from tests.chaos.versions import write_newer_version
from tests.chaos.waiting import hold_true
from tests.waiting import await_true
from workers.chain import TASK_NAMES

RECORDINGS = 40
# What had its slot when the format was changed still leaves: a request for each process.
UNDER_WAY = 4


def test_names_of_tasks_never_change() -> None:
    assert TASK_NAMES == {
        Step.VALIDATE: "calls.validate",
        Step.CREATE_CALL: "calls.create",
        Step.UPLOAD_MEDIA: "calls.upload",
    }


@scenario()
def test_backfill_goes_through_workers_of_two_versions() -> None:
    with arena() as running:
        roots = {"newer": write_newer_version(running.folder / "newer"), "older": ROOT}
        # what one version publishes the other one reads, in both directions
        for calls, media in (("newer", "older"), ("older", "newer")):
            pair = [
                running.fleet.add(f"calls-{calls}", queues="calls", concurrency=3, root=roots[calls]),
                running.fleet.add(f"media-{media}", queues="media", concurrency=6, root=roots[media]),
            ]
            running.hand_in(f"from-{calls}", RECORDINGS)
            assert running.await_final(f"from-{calls}", within_s=40).done == RECORDINGS
            for worker in pair:
                worker.end()
        # and all together
        for queue, version in product(("calls", "media"), roots):
            running.fleet.add(f"{queue}-{version}-too", queues=queue, concurrency=3, root=roots[version])
        running.hand_in("all", RECORDINGS)
        assert running.await_final("all", within_s=40).done == RECORDINGS
        assert running.audit() == []


@scenario()
def test_recording_of_a_newer_version_is_left_to_newer_workers() -> None:
    with arena(patient=True) as running:
        newer = write_newer_version(running.folder / "newer")
        # given recordings that a newer version and this one handed in, and a worker of this one
        older = running.fleet.add("older", concurrency=2)
        running.hand_in("known", 1)
        (recording,) = write_recordings(running.folder / "media" / "newer", ["unknown-yet"])
        running.recordings.append(recording)
        manifest = write_manifest(running.folder / "media" / "unknown.jsonl", [recording])
        done = Command(running, "backfill", manifest, "--no-wait", root=newer).finish()
        assert done.code == ExitCode.DONE, done.stderr
        job = job_id_of(recording.client_unique_id)
        # then it leaves the newer one alone, says why, and goes on with its own
        await_true(lambda: running.ledger.counts("known").done == 1, "its own is done", within_s=20)
        reason = f"Job {job} was written by a newer version; upgrade the workers."
        await_true(lambda: reason in older.log.read_text(), "it says why", within_s=20)
        for _ in range(3):
            _make_due(running, "unknown")
            hold_true(lambda: not running.job(job)["step"], "nothing is done for it", for_s=0.3)
        assert running.job(job)["attempts"] == "0"
        assert len(running.calls()) == 1
        # and a newer worker beside it brings it in, without an attempt spent on the way
        running.fleet.add("newer", concurrency=2, root=newer)
        await_true(lambda: _make_due(running, "unknown") == State.DONE, "it is brought in", within_s=40)
        assert "a" not in running.job(job)
        assert len(running.simulator.sent()) == 2 * len(running.recordings)
        assert running.audit() == []


@pytest.mark.long
@scenario()
def test_workers_leave_a_ledger_alone_whose_format_is_changed_under_them() -> None:
    with arena(per_second=40) as running:
        newer = write_newer_version(running.folder / "newer", other_format=True)
        older = running.fleet.add("older", concurrency=UNDER_WAY)
        running.hand_in("changed", RECORDINGS)
        await_true(lambda: running.seen() >= RECORDINGS, "it is in the middle", within_s=40)
        # when somebody brings the ledger into another format, and forgot a worker
        format_key = running.key("format")
        running.server.client.set(format_key, "2")
        sent = running.seen()
        await_true(
            lambda: "the ledger has the format 2, and this program knows 1" in older.log.read_text(),
            "it says why it stops",
            within_s=20,
        )
        hold_true(lambda: running.seen() <= sent + UNDER_WAY, "it sends nothing more", for_s=3)
        refused = Command(running, "status").finish()
        assert refused.code == ExitCode.LEDGER_REFUSED
        assert "upgrade this one too" in refused.stderr
        # then workers that know the format finish, whatever the older one held
        running.fleet.add("newer", concurrency=4, root=newer)
        done = running.key("batch:changed")
        await_true(
            lambda: running.server.client.hget(done, "done") == str(RECORDINGS), "all is in", within_s=60
        )
        assert running.fleet.restarts == 0
        running.fleet.end()
        running.server.client.delete(format_key)
        assert running.audit() == []


def _make_due(running: Arena, batch: str) -> str:
    """Let what is pending in a batch be due now, not in a minute; gives the state of the last recording."""
    running.make_due(batch)
    return running.job(job_id_of(running.recordings[-1].client_unique_id))["state"]
