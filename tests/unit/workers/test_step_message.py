"""Messages of steps: what Celery itself would have published, but for what is random or of no use."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.canvas import Signature, signature

from pipeline.job import Claim, Step, StepMessage, steps_left
from pipeline.settings import Settings
from workers.app import make_app
from workers.chain import chain_of
from workers.step_message import first_message, following

JOB_ID = "0123456789abcdef01234567"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ALL = tuple(Step)


@pytest.fixture
def app() -> Iterator[Celery]:
    """The application as workers have it, with a broker in memory."""
    with make_app(Settings(redis_url="redis://127.0.0.1:1/0", namespace="calls-of-acme")) as made:
        made.conf.update(broker_url="memory://", broker_transport_options={}, result_backend=None)
        made.loader.import_default_modules()
        yield made


def chained(app: Celery, steps: tuple[Step, ...] = ALL, *, traceparent: str = "") -> Signature[Any]:
    claim = Claim(JOB_ID, 1_700_000_000_000_001, steps, rescued=False, batch="calls")
    return chain_of(claim, app, traceparent=traceparent)


def published(app: Celery, queue: str, signature: Signature[Any], **options: Any) -> dict[str, Any]:
    """Let Celery publish it, and read what lies in the queue."""
    signature.apply_async(**options)
    with app.connection_for_read() as connection:
        channel: Any = connection.channel()
        return without_chance(channel._get(queue))


def written(message: StepMessage | None) -> dict[str, Any]:
    assert message
    return without_chance(json.loads(message.text))


def without_chance(message: dict[str, Any]) -> dict[str, Any]:
    """Leave out what differs from message to message, and what tells who waits for a result: nobody does."""
    properties = message["properties"]
    body = message["body"]
    if properties.pop("body_encoding", None) == "base64":
        body = base64.b64decode(body)
    message["body"] = json.loads(body)
    for link in message["body"][2]["chain"] or ():
        link["options"].pop("reply_to", None)
    assert properties.pop("delivery_tag")
    properties.pop("reply_to", None)
    # Of a signature's options, which Celery hands on to the transport.
    properties.pop("kwargsrepr", None)
    return message


@pytest.mark.parametrize("traceparent", ["", TRACEPARENT])
@pytest.mark.parametrize(
    ("recorded", "has_media", "queue"),
    [
        ("", True, "calls"),
        ("validated", True, "calls"),
        ("created", True, "media"),
        ("", False, "calls"),
        ("validated", False, "calls"),
    ],
)
def test_the_first_message_is_the_one_that_celery_publishes(
    app: Celery, recorded: str, queue: str, *, has_media: bool, traceparent: str
) -> None:
    steps = steps_left(recorded, has_media=has_media)

    message = first_message(chained(app, steps, traceparent=traceparent), app)

    expected = published(app, queue, chained(app, steps, traceparent=traceparent))
    # An empty chain is a chain of a single link.
    expected["body"][2]["chain"] = expected["body"][2]["chain"] or []
    assert written(message) == expected
    assert message.queue == queue


@pytest.mark.parametrize("traceparent", ["", TRACEPARENT])
def test_each_that_follows_is_the_one_that_celery_publishes(app: Celery, traceparent: str) -> None:
    message: StepMessage | None = first_message(chained(app, traceparent=traceparent), app)
    for queue in ("calls", "media"):
        celerys = written(message)
        headers, links = celerys["headers"], celerys["body"][2]["chain"]
        request = SimpleNamespace(id=headers["id"], root_id=headers["root_id"], chain=links)

        message = following(request, app)  # type: ignore[arg-type]  # what a task's request has of it

        # As its tracer does when a task has ended.
        options = {"chain": links[:-1], "parent_id": headers["id"], "root_id": headers["root_id"]}
        expected = published(app, queue, signature(links[-1], app=app), **options)
        expected["body"][2]["chain"] = expected["body"][2]["chain"] or []
        assert written(message) == expected
        assert message
        assert message.queue == queue


def test_a_link_of_another_version_may_say_less(app: Celery) -> None:
    link = {"task": "calls.upload", "args": [], "kwargs": {"job_id": JOB_ID, "lease_token": 7}}
    request = SimpleNamespace(id="1", root_id="1", chain=[link | {"options": {"task_id": "2"}}])

    message = written(following(request, app))  # type: ignore[arg-type]  # all that is read of it

    assert message["headers"]["kwargsrepr"] == repr(link["kwargs"])


def test_nothing_follows_the_last_link(app: Celery) -> None:
    assert following(SimpleNamespace(chain=[]), app) is None  # type: ignore[arg-type]  # all that is read
    assert following(SimpleNamespace(chain=None), app) is None  # type: ignore[arg-type]  # all that is read


def test_no_two_messages_have_the_same_tag(app: Celery) -> None:
    """What a worker holds is told apart by it."""
    texts = [first_message(chained(app), app).text for _ in range(2)]

    assert len({json.loads(text)["properties"]["delivery_tag"] for text in texts}) == 2
