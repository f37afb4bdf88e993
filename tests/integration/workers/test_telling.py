"""What a task tells while it works, through a real broker, as Flower takes it in."""

from __future__ import annotations

import threading
from typing import Any

from celery import Celery
from celery.events import EventReceiver
from celery.events.state import State

from pipeline.job import Held, Lane, Step
from pipeline.lease import Progress
from pipeline.payload import Payload
from pipeline.settings import Settings
from tests.servers import Server
from tests.waiting import await_true
from workers.app import make_app
from workers.flower.tasks import shown_task
from workers.naming import task_id_of
from workers.telling import Telling, sender

PAYLOAD = Payload("{}", "a.wav")
HELD = Held("0" * 24, 7, "run", Step.UPLOAD_MEDIA, "calls", Lane.BACKFILL, PAYLOAD, 0, None, posted=False)


class Watching:
    """Takes events in as Flower does."""

    def __init__(self, app: Celery) -> None:
        # Any: the stubs know nothing of what a state holds
        self.state: Any = State()
        self._app = app
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._app.connection() as connection:
            receiver = EventReceiver(connection, handlers={"*": self._take}, app=self._app)
            receiver.capture(limit=3, timeout=20, wakeup=False)

    def _take(self, event: dict[str, object]) -> None:
        self.state.event(event)
        self._listens.set()

    def state_of(self, task_id: str) -> str | None:
        task = self.state.tasks.get(task_id)
        return None if task is None else str(shown_task(task).state)


def test_flower_sees_a_task_throttled_and_then_how_far_its_upload_is(server: Server, namespace: str) -> None:
    app = make_app(Settings(redis_url=server.url, namespace=namespace))
    watching = Watching(app)
    telling = Telling(sender(app, "media@here"))
    task_id = task_id_of(HELD.job_id, HELD.lease_token, HELD.step)

    def told_wait() -> bool:
        # nobody hears what was told before they listened
        if watching.state_of(task_id) is None:
            telling.wait(HELD, 2.5)
        return watching.state_of(task_id) == "THROTTLED"

    await_true(told_wait, "it is throttled", within_s=20)
    telling.progress(Progress(HELD, 43, 100))
    await_true(lambda: watching.state_of(task_id) == "UPLOADING 43 %", "it uploads", within_s=20)
    assert watching.state.tasks[task_id].worker.hostname == "media@here"
