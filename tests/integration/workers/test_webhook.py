"""Events in a worker: wanted as its settings say, and delivered as soon as they come about."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.events import want_events
from pipeline.job import Reason
from pipeline.store import Store
from pipeline.webhook.deliveries import READ_EVENTS
from tests.environment import ENVIRONMENT
from tests.hook import SECRET, running_hook
from tests.integration.ledger.bench import Bench
from tests.servers import Server
from tests.waiting import await_true
from workers.webhook import WebhookDuty

Worker = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def bench(server: Server, namespace: str, store: Store) -> Bench:
    return Bench(server, namespace, store)


@pytest.fixture
def worker(server: Server, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Worker:
    @contextmanager
    def run(**settings: str) -> Iterator[None]:
        for name, value in {"REDIS_URL": server.url, "NAMESPACE": namespace, **settings}.items():
            monkeypatch.setenv(f"GONG_INGEST_{name}", value)
        consumer: Any = SimpleNamespace(hostname="worker@here")
        duty = WebhookDuty(consumer)
        duty.start(consumer)
        try:
            yield
        finally:
            duty.stop(consumer)
            duty.shutdown(consumer)

    return run


def is_wanted(bench: Bench) -> str | None:
    found: str | None = bench.server.client.get(bench.key("events:kept"))
    return found


def test_an_event_is_delivered_at_once(
    bench: Bench, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Longer than this test waits, so who would only look now and then delivers nothing.
    monkeypatch.setattr("workers.webhook.LOOK_INTERVAL_S", 12)
    with running_hook(tmp_path) as hook, worker(WEBHOOK_URL=hook.url, WEBHOOK_SECRET=SECRET):
        await_true(lambda: is_wanted(bench) == "100000", "events are wanted")
        bench.bury("a")
        await_true(hook.taken, "it is delivered")
        bench.ledger.bury(bench.held("b"), Reason("x"))
        await_true(lambda: len(hook.taken()) == 2, "so is the next one")
        assert all(each["is_genuine"] for each in hook.deliveries())
        assert bench.server.client.hkeys(bench.key("duties")) == ["webhook"]
        # Its next wait is one that a worker which stops sees the end of.
        monkeypatch.setattr("workers.webhook.LOOK_INTERVAL_S", 1)
        bench.bury("c")
        await_true(lambda: len(hook.taken()) == 3, "it has been awake")
    await_true(lambda: bench.server.client.hkeys(bench.key("duties")) == [], "the duty is left")


def test_a_worker_that_stops_delivers_what_is_there(
    bench: Bench, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the last one: that of a command which ends with its batch."""
    # On a busy machine three may take longer than a worker has for them.
    monkeypatch.setattr("workers.webhook.LAST_TURN_S", 20)
    with running_hook(tmp_path) as hook:
        hook.answer(204, wait_s=0.3)
        with worker(WEBHOOK_URL=hook.url, WEBHOOK_SECRET=SECRET):
            await_true(lambda: is_wanted(bench) == "100000", "events are wanted")
            bench.bury("a", "b", "c")
            await_true(hook.arrivals, "the first one is under way")
        await_true(lambda: len(hook.taken()) == 3, "all are delivered")


def test_a_worker_that_is_stopped_delivers_all_that_is_there_and_ends(
    bench: Bench, tmp_path: Path, namespace: str
) -> None:
    count = 2 * READ_EVENTS + 1
    with running_hook(tmp_path) as hook:
        hook.answer(204, wait_s=0.05)
        want_events(bench.store, kept=100_000, webhook=True)
        bench.bury(*(f"pbx-{number}" for number in range(count)))
        settings = {
            "GONG_INGEST_REDIS_URL": bench.server.url,
            "GONG_INGEST_NAMESPACE": namespace,
            "GONG_INGEST_WEBHOOK_URL": hook.url,
            "GONG_INGEST_WEBHOOK_SECRET": SECRET,
            "GONG_INGEST_STOP_GRACE_S": "60",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "workers", "--quiet", "worker", "-c", "1"],
            env={**ENVIRONMENT, **settings},
        )
        try:
            await_true(hook.arrivals, "the first one is under way", within_s=30)
            process.terminate()
            # Sooner than the grace ends, since everything is delivered.
            assert process.wait(55) == 0
        finally:
            process.kill()
            process.wait()
        assert len(hook.taken()) == count
    assert bench.server.client.hkeys(bench.key("duties")) == []


def test_a_stopping_worker_gives_up_with_its_grace(
    bench: Bench, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.webhook.LAST_TURN_S", 0)
    with running_hook(tmp_path) as hook:
        hook.answer(204, wait_s=0.5)
        with worker(WEBHOOK_URL=hook.url, WEBHOOK_SECRET=SECRET):
            await_true(lambda: is_wanted(bench) == "100000", "events are wanted")
            bench.bury(*"abcdefghijklmnopqrst")
            await_true(hook.arrivals, "the first one is under way")
            ends = time.monotonic() + 60
            for module in ("workers.turns", "workers.webhook"):
                monkeypatch.setattr(f"{module}.stop_by", lambda: ends)
            await_true(lambda: len(hook.taken()) > 1, "two were taken")
            ends = time.monotonic()
        taken = len(hook.taken())
        assert 1 < taken < 20
        await_true(lambda: bench.server.client.hkeys(bench.key("duties")) == [], "the duty is left")
        assert len(hook.taken()) <= taken + 1


def test_settings_that_cannot_be_read_for_a_moment_end_nothing(
    bench: Bench,
    worker: Worker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("workers.turns.REFUSED_WAIT_S", 0.1)
    secret = tmp_path / "redis-password"
    secret.write_text("", "utf-8")
    with worker(EVENTS_KEPT="500", REDIS_PASSWORD_FILE=str(secret)):
        await_true(lambda: "No event is delivered until then." in caplog.text, "it is told")
        time.sleep(0.5)
        assert caplog.text.count("No event is delivered until then.") == 1
        monkeypatch.delenv("GONG_INGEST_REDIS_PASSWORD_FILE")
        await_true(lambda: is_wanted(bench) == "500", "events are wanted")


def test_a_stream_is_wanted_without_a_webhook(bench: Bench, worker: Worker) -> None:
    with worker(EVENTS_KEPT="500"):
        await_true(lambda: is_wanted(bench) == "500", "events are wanted")
    assert not bench.server.client.exists(bench.key("webhook"), bench.key("duties"))


def test_a_worker_that_wants_none_leaves_no_trace(bench: Bench, worker: Worker) -> None:
    with worker():
        bench.bury("a")
    assert not bench.server.client.exists(*map(bench.key, ("events", "events:kept", "webhook", "duties")))
