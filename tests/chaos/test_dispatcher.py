"""The dispatcher of a worker that lost its connection: it is started again, and the one before it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kombu.asynchronous.timer import Timer

from pipeline.settings import Settings
from tests.chaos.arena import NAMESPACE, dispatchers_of
from tests.chaos.waiting import hold_true
from tests.servers import running_server
from tests.waiting import await_true
from workers.app import make_app
from workers.dispatcher import Dispatcher
from workers.turns import LOOK_INTERVAL_S


def test_worker_has_one_dispatcher_however_often_its_connection_was_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_server() as server:
        monkeypatch.setenv("GONG_INGEST_REDIS_URL", server.url)
        monkeypatch.setenv("GONG_INGEST_NAMESPACE", NAMESPACE)
        app, pool = make_app(Settings.from_env()), SimpleNamespace(num_processes=1)
        consumer: Any = SimpleNamespace(app=app, hostname="worker@here", pool=pool, timer=Timer())
        dispatcher = Dispatcher(consumer)
        dispatcher.start(consumer)
        await_true(lambda: dispatchers_of(server), "the dispatcher waits for something to do")
        # when it cannot end, because no answer comes, and is started again
        server.freeze()
        dispatcher.stop(consumer)
        dispatcher.start(consumer)
        server.thaw()
        # then the first one ends as soon as it has its answer
        await_true(lambda: dispatchers_of(server) == 1, "one dispatcher waits")
        hold_true(lambda: dispatchers_of(server) <= 1, "one is left", for_s=3 * LOOK_INTERVAL_S)
        dispatcher.stop(consumer)
