"""Workers of two versions share a server."""

from __future__ import annotations

from pipeline.job import State, Step, job_id_of
from tests.chaos.arena import arena
from tests.chaos.waiting import hold_true
from tests.waiting import await_true
from workers.chain import TASK_NAMES


def test_names_of_tasks_never_change() -> None:
    assert TASK_NAMES == {
        Step.VALIDATE: "calls.validate",
        Step.CREATE_CALL: "calls.create",
        Step.UPLOAD_MEDIA: "calls.upload",
    }


def test_job_of_a_newer_version_waits_for_a_newer_worker() -> None:
    with arena() as running:
        newer, older = running.hand_in("versions", 2)
        job = job_id_of(newer.client_unique_id)
        client, payload = running.server.client, running.key(f"payload:{job}")
        known = client.get(payload)
        client.set(payload, known.replace("1", "2", 1))
        running.fleet.add("both", concurrency=2)
        await_true(lambda: running.ledger.counts("versions").done == 1, "the older is done", within_s=20)
        await_true(lambda: running.job(job)["state"] == State.PENDING, "the newer is left", within_s=20)
        hold_true(lambda: running.job(job)["state"] == State.PENDING, "it is left alone", for_s=0.8)
        assert running.calls().keys() == {older.client_unique_id}
        assert f"Job {job} was written by a newer version" in running.fleet.workers[0].log.read_text()
        # a newer worker knows it: here, the payload as this version writes it
        client.set(payload, known)
        client.zadd(running.key("due:backfill:versions"), {job: 0})
        client.zadd(running.key("turns:backfill"), {"versions": 0})
        assert running.await_final("versions", within_s=20).done == 2
        assert running.audit() == []
