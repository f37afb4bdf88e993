"""What a task is doing, told to Flower as an event while it does it: UPLOADING with bytes, or THROTTLED.

Invariant: no work waits for it. A thread of its own sends what is told; when the broker is slow or gone it is
dropped, for the next one tells more.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from celery import Celery

from pipeline.job import Held
from pipeline.lease import Progress
from workers.naming import task_id_of

log = logging.getLogger(__name__)

# Events that may wait to be sent.
WAITING_MAX = 16
# A shorter wait for a slot is over before anybody could read of it.
THROTTLED_FROM_S = 0.5

# The type of an event and its fields, the task's id among them.
Event = tuple[str, dict[str, Any]]


class Telling:
    """Tells what the tasks of this process are doing; made after the fork.

    Args:
        send: Sends one event: its type, and fields.
    """

    def __init__(self, send: Callable[[str, dict[str, Any]], None]) -> None:
        self._send = send
        self._events: queue.Queue[Event] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="telling", daemon=True)
        self._thread.start()

    def progress(self, progress: Progress) -> None:
        """Tell how much of its media an upload has sent."""
        sizes = {"sent_bytes": progress.sent_bytes, "size_bytes": progress.size_bytes}
        self._put("task-uploading", progress.held, sizes)

    def wait(self, held: Held, wait_s: float) -> None:
        """Tell that a task waits for the instant at which its request may leave."""
        if wait_s >= THROTTLED_FROM_S:
            self._put("task-throttled", held, {"wait_s": round(wait_s, 3)})

    def _put(self, kind: str, held: Held, fields: dict[str, Any]) -> None:
        uuid = task_id_of(held.job_id, held.lease_token, held.step)
        try:
            self._events.put_nowait((kind, {"uuid": uuid} | fields))
        except queue.Full:
            log.debug("Nobody is told that %s is %s.", uuid, kind)

    def _run(self) -> None:
        while True:
            kind, fields = self._events.get()
            try:
                self._send(kind, fields)
            except Exception as error:  # noqa: BLE001 - whatever it is, the work goes on
                log.debug("%s could not be told: %s", kind, error)


def sender(app: Celery, hostname: str) -> Callable[[str, dict[str, Any]], None]:
    """Give what sends an event in a worker's name; it is tried once."""

    def send(kind: str, fields: dict[str, Any]) -> None:
        with app.events.default_dispatcher(hostname=hostname) as dispatcher:
            dispatcher.send(kind, retry=False, **fields)

    return send
