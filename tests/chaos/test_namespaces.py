"""Two pipelines on one server share nothing: no queue, no message, no word to all workers."""

from __future__ import annotations

from pipeline.settings import Settings
from tests.chaos.arena import NAMESPACE, arena
from tests.chaos.scenarios import scenario
from tests.chaos.waiting import hold_true
from tests.waiting import await_true
from workers.app import make_app

OTHER = "other"


@scenario()
def test_two_pipelines_on_one_server_share_nothing() -> None:
    with arena() as running:
        running.fleet.add("both", concurrency=2)
        apps = {
            name: make_app(Settings(redis_url=running.server.url, namespace=name))
            for name in (NAMESPACE, OTHER)
        }
        client = running.server.client
        await_true(lambda: apps[NAMESPACE].control.ping(timeout=1), "its own are heard", within_s=20)
        # a message of the other one stays where it is, though a worker waits for one of that queue
        apps[OTHER].send_task("calls.validate", kwargs={"job_id": "x", "lease_token": 1}, queue="calls")
        assert client.llen(f"{OTHER}:celery:calls") == 1
        running.hand_in("own", 5)
        assert running.await_final("own", within_s=40).done == 5
        hold_true(lambda: client.llen(f"{OTHER}:celery:calls") == 1, "it stays there", for_s=1)
        # and nobody answers the other one
        assert apps[OTHER].control.ping(timeout=1) == []
        for app in apps.values():
            app.close()
        keys = set(client.scan_iter(count=1000))
        strangers = {key for key in keys if not key.startswith((f"{NAMESPACE}:", f"{OTHER}:"))}
        assert strangers == set()
