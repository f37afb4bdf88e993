"""Telling what a task does: never in the way of its work."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pipeline.job import Held, Lane, Step
from pipeline.lease import Progress
from pipeline.payload import Payload
from tests.waiting import await_true
from workers.naming import task_id_of
from workers.telling import THROTTLED_FROM_S, WAITING_MAX, Telling

HELD = Held(
    "0" * 24,
    7,
    "run",
    Step.UPLOAD_MEDIA,
    "calls",
    Lane.BACKFILL,
    Payload("{}", "a.wav"),
    0,
    None,
    posted=False,
)
TASK_ID = task_id_of(HELD.job_id, HELD.lease_token, HELD.step)


class Sent:
    """Takes what is sent; until it is let go on, the first one is under way."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.gate = threading.Event()
        if is_open:
            self.gate.set()

    def __call__(self, kind: str, fields: dict[str, Any]) -> None:
        self.gate.wait(10)
        self.events.append((kind, fields))


def test_an_upload_is_told_by_its_bytes_and_its_task() -> None:
    sent = Sent()
    Telling(sent).progress(Progress(HELD, 43, 100))
    await_true(lambda: sent.events, "it is told")
    assert sent.events == [("task-uploading", {"uuid": TASK_ID, "sent_bytes": 43, "size_bytes": 100})]


@pytest.mark.parametrize(("wait_s", "is_told"), [(THROTTLED_FROM_S, True), (THROTTLED_FROM_S - 0.01, False)])
def test_a_wait_is_told_from_a_length_on(wait_s: float, *, is_told: bool) -> None:
    sent = Sent()
    telling = Telling(sent)
    telling.wait(HELD, wait_s)
    telling.progress(Progress(HELD, 1, 2))
    await_true(lambda: sent.events and sent.events[-1][0] == "task-uploading", "the second is told")
    assert [kind for kind, _ in sent.events].count("task-throttled") == int(is_told)


def test_a_broker_that_does_not_answer_holds_up_nobody() -> None:
    sent = Sent(is_open=False)
    telling = Telling(sent)
    for number in range(10 * WAITING_MAX):
        telling.progress(Progress(HELD, number, 1_000))
    sent.gate.set()
    telling.progress(Progress(HELD, 999, 1_000))
    await_true(lambda: len(sent.events) >= WAITING_MAX, "those that waited are told")
    assert len(sent.events) <= WAITING_MAX + 2


def test_an_event_that_could_not_be_sent_ends_nothing() -> None:
    events: list[str] = []

    def send(kind: str, fields: dict[str, Any]) -> None:
        events.append(kind)
        if len(events) == 1:
            raise OSError("the broker is gone")

    telling = Telling(send)
    telling.progress(Progress(HELD, 1, 2))
    telling.wait(HELD, 2.0)
    await_true(lambda: events == ["task-uploading", "task-throttled"], "the next one is told")
