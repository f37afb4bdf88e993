"""The broker's transport on a real server: what it keeps there, and what it sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection, Queue

from tests.servers import Server
from workers.broker import use_for_redis

QUEUE = Queue("calls")


@pytest.fixture
def connection(server: Server, namespace: str) -> Iterator[Any]:
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
