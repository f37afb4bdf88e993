"""The broker's transport on a real server: what it keeps there, and what it sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kombu import Connection, Queue, transport

from pipeline.job import StepMessage
from pipeline.ledger import Ledger
from pipeline.settings import Settings
from pipeline.store import Store
from tests.servers import Server
from workers.app import make_app
from workers.broker import use_for_redis

QUEUE = Queue("calls")
MESSAGE = {
    "body": json.dumps("the body"),
    "content-type": "application/json",
    "content-encoding": "utf-8",
    "headers": {},
    "properties": {"delivery_tag": "1", "delivery_info": {"exchange": "", "routing_key": QUEUE.name}},
}


@pytest.fixture
def connection(server: Server, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # What kombu has found once, for the Celery client of another test, it takes again.
    monkeypatch.setattr(transport, "_transport_cache", {})
    use_for_redis()
    url = server.url.replace("unix://", "redis+socket://")
    with Connection(url, transport_options={"global_keyprefix": f"{namespace}:"}) as opened:
        yield opened


def publish(connection: Any, *texts: str) -> None:
    with connection.Producer() as producer:
        for text in texts:
            producer.publish({"text": text}, routing_key=QUEUE.name, declare=[QUEUE])


def take(channel: Any) -> Any:
    message = channel.basic_get(QUEUE.name)
    assert message is not None
    return message


def keys(server: Server, namespace: str) -> list[str]:
    """List what holds messages; a queue that is empty is not there."""
    return sorted(key for key in server.client.scan_iter(f"{namespace}:*") if "_kombu" not in key)


def test_a_message_that_was_taken_lies_nowhere_but_in_its_process(
    connection: Any, server: Server, namespace: str
) -> None:
    publish(connection, "one")
    channel = connection.channel()
    take(channel)

    assert keys(server, namespace) == []


def test_what_is_held_is_put_back_when_its_holder_stops_and_what_was_acknowledged_is_not(
    connection: Any, server: Server, namespace: str
) -> None:
    publish(connection, "one", "two")
    channel = connection.channel()
    channel.basic_ack(take(channel).delivery_tag)
    take(channel)
    channel.close()

    assert keys(server, namespace) == [f"{namespace}:calls"]
    assert take(connection.channel()).payload == {"text": "two"}


def test_what_cannot_be_put_back_is_dumped_nowhere(
    connection: Any, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    publish(connection, "one")
    channel = connection.channel()
    take(channel)

    def refuse(*_message: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(channel, "_put", refuse)
    channel.close()

    assert "1 messages could not be put back" in caplog.text
    assert "EMERGENCY" not in caplog.text


def test_one_client_publishes_all(connection: Any, server: Server) -> None:
    channel = connection.channel()
    before = channel._create_client()
    assert channel._create_client() is before
    channel._after_fork()
    assert channel._create_client() is not before


@pytest.mark.parametrize("database", ["", "?db=2"])
def test_workers_take_messages_from_where_the_ledger_puts_them(
    server: Server, namespace: str, database: str
) -> None:
    settings = Settings(redis_url=server.url + database, namespace=namespace)
    with closing(Store.from_settings(settings)) as store:
        Ledger.from_settings(settings, store).publish([StepMessage("calls", json.dumps(MESSAGE))])

    with make_app(settings) as app, app.connection_for_read() as opened:
        taken = take(opened.channel())

    assert taken.payload == "the body"
