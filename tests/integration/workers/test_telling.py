"""What a task tells while it works, through a real broker, as Flower takes it in."""

from __future__ import annotations

import threading
from typing import Any, Self

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
    """Takes events in as Flower does, until the block ends."""

    def __init__(self, app: Celery) -> None:
        # Any: the stubs know nothing of what a state holds
        self.state: Any = State()
        self._connection = app.connection()
        self._receiver = EventReceiver(self._connection, handlers={"*": self.state.event}, app=app)
        self._thread = threading.Thread(target=self._receiver.capture, kwargs={"wakeup": False})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        # It looks at that every second.
        self._receiver.should_stop = True
        self._thread.join()
        self._connection.release()

    def state_of(self, task_id: str) -> str | None:
        task = self.state.tasks.get(task_id)
        return None if task is None else str(shown_task(task).state)


def test_flower_sees_a_task_throttled_and_then_how_far_its_upload_is(server: Server, namespace: str) -> None:
    app = make_app(Settings(redis_url=server.url, namespace=namespace))
    telling = Telling(sender(app, "media@here"))
    task_id = task_id_of(HELD.job_id, HELD.lease_token, HELD.step)
    with Watching(app) as watching:

        def told_wait() -> bool:
            # nobody hears what was told before they listened
            if watching.state_of(task_id) is None:
                telling.wait(HELD, 2.5)
            return watching.state_of(task_id) == "THROTTLED"

        await_true(told_wait, "it is throttled", within_s=20)
        telling.progress(Progress(HELD, 43, 100))
        await_true(lambda: watching.state_of(task_id) == "UPLOADING 43 %", "it uploads", within_s=20)
        assert watching.state.tasks[task_id].worker.hostname == "media@here"
