"""Messages of the broker are lost, doubled and late; the ledger knows better."""

from __future__ import annotations

from random import Random

import pytest
from kombu import Connection, transport

from pipeline.job import job_id_of
from tests.chaos.arena import Arena, arena, new_seed
from tests.chaos.havoc import delete_a_message, double_a_message
from tests.chaos.scenarios import scenario
from tests.chaos.telling import tell
from tests.chaos.waiting import hold_true
from tests.servers import running_server
from tests.waiting import await_true
from workers.address import broker_url
from workers.broker import use_for_redis

RECORDINGS = 60


@scenario()
def test_backfill_survives_lost_and_doubled_messages() -> None:
    random = Random(new_seed())
    # What was lost is taken up when its lease ends.
    with arena(per_second=60, patient=True, LEASE_TTL_S="4") as running:
        running.hand_in("messages", RECORDINGS)
        running.fleet.add("media", queues="media", concurrency=16)
        running.fleet.add("calls", queues="calls", concurrency=2)
        lost = doubled = 0

        def tamper() -> bool:
            nonlocal lost, doubled
            doubled += double_a_message(running.server, random)
            lost += lost < 8 and delete_a_message(running.server, random)
            return not running.ledger.counts("messages").waiting

        await_true(tamper, "the batch is finished", within_s=120)
        tell(f"{lost} messages were lost, {doubled} doubled.")
        assert lost
        assert doubled
        assert running.ledger.counts("messages").done == RECORDINGS
        # nothing was asked twice: whatever came twice or late was put aside before its request
        assert 2 * RECORDINGS <= running.seen() <= 2 * RECORDINGS + running.attempts_spent()
        assert running.audit() == []


@scenario()
def test_message_that_comes_after_its_lease_is_put_aside() -> None:
    with arena(patient=True) as running:
        client, queue = running.server.client, running.key("celery:calls")
        (recording,) = running.hand_in("late", 1)
        job = job_id_of(recording.client_unique_id)
        running.fleet.add("media", queues="media", concurrency=2)
        running.ledger.join_fleet("calls-to-come", calls=1, media=0, ttl_s=60)
        # given the message of an attempt whose lease ran out, and that of the attempt after it
        late = _take_message(running)
        client.zadd(running.key("leases"), {job: 1})
        right = _take_message(running)
        # when the late one is read first
        client.rpush(queue, late)
        running.fleet.add("calls", queues="calls", concurrency=1)
        await_true(lambda: not running.queued("calls"), "the late message is read", within_s=20)
        hold_true(lambda: not running.job(job)["step"], "nothing is done for it", for_s=0.5)
        # then the job waits for the right one
        client.rpush(queue, right)
        running.await_final("late", within_s=20)
        assert running.seen() == 2
        assert running.audit() == []


def _take_message(running: Arena) -> str:
    """Take the only message out of the queue for calls, as soon as it is published."""
    await_true(lambda: running.queued("calls"), "a message is published", within_s=20)
    message: str = running.server.client.lpop(running.key("celery:calls"))
    return message


def test_connection_that_was_lost_with_a_message_in_hand_is_closed_as_celery_closes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What kombu has found once, for the Celery client of another test, it takes again.
    monkeypatch.setattr(transport, "_transport_cache", {})
    use_for_redis()
    with running_server() as server, Connection(broker_url(server.url)) as connection:
        # given two channels that wait for messages, and on the first of them one that is not acknowledged
        first = connection.SimpleQueue("calls", channel=connection.default_channel)
        second = connection.SimpleQueue("media", channel=connection.channel())
        first.put("a message")
        assert first.get(timeout=5).payload == "a message"
        for queue in (first, second):
            with pytest.raises(queue.Empty):
                queue.get(timeout=0.1)
        server.kill()
        # when Celery does this after a lost connection
        connection.collect(socket_timeout=1)
        connection.close()
        # then nothing was raised, which would end the worker
        assert not connection.connected
