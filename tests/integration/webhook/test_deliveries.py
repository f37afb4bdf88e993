"""Deliveries: in order, at least once, by one worker at a time, whatever the receiver does."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from pipeline.events import Standing, want_events
from pipeline.job import Reason
from pipeline.settings.webhook import key_of
from pipeline.store import Store
from pipeline.webhook import DUTY_S, Deliverer, Deliveries, Due, Receiver
from pipeline.webhook.deliverer import BACKOFF_CAP_S, REFUSALS_MAX
from tests.hook import SECRET, Hook
from tests.integration.ledger.bench import ATTEMPTS_MAX, Bench, names_of
from tests.servers import Server

KEY = key_of(SECRET) or b""
KEPT = 100


@dataclass(slots=True)
class Scene:
    """A ledger that tells, and workers that deliver."""

    bench: Bench
    hook: Hook
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def want(self, kept: int = KEPT) -> None:
        want_events(self.bench.store, kept=kept, webhook=True)

    def happen(self, count: int = 1) -> list[str]:
        """Let so many recordings die; gives their names, in the order in which they did."""
        names = [f"call-{next(self.numbers)}" for _ in range(count)]
        self.bench.submit(*names)
        claims = self.bench.claim(window=count)
        for claim in claims:
            self.bench.ledger.bury(self.bench.begin(claim), Reason("x"))
        return names_of(claims, names)

    def deliveries(self, worker: str = "one@here") -> Deliveries:
        return Deliveries(self.bench.store, worker=worker, clock=self.bench.clock)

    def deliverer(self, worker: str = "one@here") -> Deliverer:
        receiver = Receiver(self.hook.url, KEY)
        return Deliverer(self.deliveries(worker), receiver, namespace="gong")

    def turn(self, worker: str = "one@here") -> Due | None:
        return self.deliverer(worker).turn(lambda: True)

    def taken(self) -> list[str]:
        return [each["data"]["client_unique_id"] for each in self.hook.taken()]

    def standing(self) -> Standing:
        now_ms = round(self.bench.clock() * 1000)
        return Standing.from_answer(*self.bench.store.run("deliveries", now_ms))


@pytest.fixture
def scene(server: Server, namespace: str, store: Store, hook: Hook) -> Scene:
    scene = Scene(Bench(server, namespace, store), hook)
    # its clock stands; that of the server would say that nobody wants events any more
    scene.want()
    server.client.hset(f"{namespace}:webhook", "wanted_until", "9999999999999")
    return scene


def test_events_are_delivered_in_order_each_once(scene: Scene) -> None:
    names = scene.happen(30)

    while (due := scene.turn()) and due.events:
        pass

    assert scene.taken() == names
    ids = [each["id"] for each in scene.hook.deliveries()]
    assert len(set(ids)) == 30
    assert all(each.startswith("gong-") for each in ids)
    assert scene.standing() == Standing(waiting=0, delivered=30)


def test_what_happened_before_the_webhook_is_not_told(
    server: Server, namespace: str, store: Store, hook: Hook
) -> None:
    scene = Scene(Bench(server, namespace, store), hook)
    want_events(store, kept=KEPT, webhook=False)
    scene.happen(2)
    scene.want()
    later = scene.happen()

    scene.turn()
    scene.want()
    scene.turn()

    assert scene.taken() == later


def test_what_was_not_taken_is_tried_again_later_and_nothing_before_it(scene: Scene) -> None:
    first, second = scene.happen(2)
    scene.hook.answer(500)
    waits = []
    for _ in range(11):
        scene.turn()
        due = scene.deliveries().due()
        assert due
        waits.append(due.wait_s)
        scene.bench.clock.advance(due.wait_s - 0.001)
        scene.turn()
        scene.bench.clock.advance(0.001)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, BACKOFF_CAP_S, BACKOFF_CAP_S]
    assert [each["event"]["data"]["client_unique_id"] for each in scene.hook.deliveries()] == [first] * 11

    scene.hook.answer(204)
    scene.turn()

    assert scene.taken() == [first, second]
    assert len({each["id"] for each in scene.hook.deliveries()}) == 2
    assert len({str(each["event"]) for each in scene.hook.deliveries()}) == 2


def test_a_receiver_that_was_away_is_waited_for_less_from_the_next_one_on(scene: Scene) -> None:
    scene.happen(2)
    scene.hook.answer(500)
    for _ in range(5):
        scene.turn()
        scene.bench.clock.advance(60)
    scene.hook.answer(204)
    scene.turn()
    scene.happen()
    scene.hook.answer(500)

    scene.turn()

    due = scene.deliveries().due()
    assert due
    assert (due.wait_s, due.attempts) == (1, 1)


def test_a_receiver_that_asks_to_wait_is_waited_for(scene: Scene) -> None:
    scene.happen()
    scene.hook.answer(429, headers={"Retry-After": "90"})

    scene.turn()

    due = scene.deliveries().due()
    assert due
    assert due.wait_s == 90


def test_what_is_refused_again_and_again_is_given_up_and_told(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    refused, later = scene.happen(2)
    scene.hook.answer(422)
    for _ in range(REFUSALS_MAX - 1):
        scene.turn()
        scene.bench.clock.advance(BACKOFF_CAP_S)
    assert scene.standing().given_up == 0

    scene.turn()
    scene.bench.clock.advance(BACKOFF_CAP_S)
    scene.hook.answer(204)
    scene.turn()

    assert scene.taken() == [later]
    assert scene.standing() == Standing(waiting=0, delivered=1, given_up=1)
    assert "is given up: the receiver answered 422, 12 times." in caplog.text
    assert refused not in scene.taken()


def test_nothing_is_given_up_because_the_receiver_was_away(scene: Scene) -> None:
    """It comes back and refuses at first, as one does that is being set up."""
    (name,) = scene.happen()
    scene.hook.answer(503)
    for _ in range(3 * REFUSALS_MAX):
        scene.turn()
        scene.bench.clock.advance(BACKOFF_CAP_S)
    scene.hook.answer(404)
    for _ in range(REFUSALS_MAX - 1):
        scene.turn()
        scene.bench.clock.advance(BACKOFF_CAP_S)
    scene.hook.answer(204)
    scene.turn()

    assert scene.taken() == [name]


def test_a_receiver_that_is_away_for_long_costs_no_memory_and_is_told_what_it_missed(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    names = scene.happen(5)
    scene.turn()
    scene.hook.end()
    names += scene.happen(250)
    scene.turn()
    length = scene.bench.server.client.xlen(scene.bench.key("events"))
    assert length <= 2 * KEPT
    assert scene.standing().waiting == length
    assert scene.standing().error.startswith("no answer from 127.0.0.1:")

    scene.hook.start()
    scene.bench.clock.advance(BACKOFF_CAP_S)
    while (due := scene.turn()) and due.events:
        pass

    assert scene.taken() == names[:5] + names[-length:]
    assert scene.standing() == Standing(waiting=0, delivered=5 + length, dropped=250 - length)
    assert f"The webhook missed {250 - length} events" in caplog.text
    assert caplog.text.count("missed") == 1


def test_a_stream_that_was_lost_begins_anew(scene: Scene) -> None:
    scene.happen(3)
    scene.turn()
    scene.bench.server.client.delete(scene.bench.key("events"))
    names = scene.happen(2)

    scene.turn()

    assert scene.taken()[3:] == names
    assert scene.standing() == Standing(waiting=0, delivered=5)


def test_one_worker_delivers_at_a_time(scene: Scene) -> None:
    scene.turn("one@here")
    scene.happen()
    assert scene.turn("other@here") is None

    scene.bench.clock.advance(DUTY_S)

    assert scene.turn("other@here")
    assert scene.turn("one@here") is None
    assert len(scene.taken()) == 1

    scene.deliveries("other@here").leave()
    assert scene.turn("one@here")


def test_a_worker_keeps_the_duty_while_it_delivers(scene: Scene) -> None:
    scene.happen(3)
    others = []

    def goes_on() -> bool:
        scene.bench.clock.advance(DUTY_S - 1)
        others.append(scene.turn("other@here"))
        return True

    scene.deliverer("one@here").turn(goes_on)

    assert others == [None, None, None]
    assert len(scene.taken()) == 3


def test_who_was_taken_for_gone_delivers_nothing_more_when_it_goes_on(scene: Scene) -> None:
    names = scene.happen(3)
    stood_still: list[Due | None] = []

    def goes_on() -> bool:
        if not stood_still:
            scene.bench.clock.advance(DUTY_S)
            stood_still.append(scene.turn("other@here"))
        return True

    scene.deliverer("one@here").turn(goes_on)

    # the first one came twice, under one id, and all are counted once
    assert scene.taken() == [*names, names[0]]
    assert len({each["id"] for each in scene.hook.deliveries()}) == 3
    assert scene.standing() == Standing(waiting=0, delivered=3)


def test_who_is_asked_to_stop_begins_no_further_delivery(scene: Scene) -> None:
    scene.happen(3)
    asked = iter([True, False])

    scene.deliverer().turn(lambda: next(asked))

    assert len(scene.taken()) == 1
    assert scene.standing().waiting == 2


def test_the_name_of_one_that_was_lost_is_found(
    server: Server, namespace: str, store: Store, hook: Hook
) -> None:
    """It was handed in before anybody wanted events, and so its record does not have it."""
    scene = Scene(Bench(server, namespace, store), hook)
    scene.bench.submit("lost")
    scene.want()
    for _ in range(ATTEMPTS_MAX):
        (claim,) = scene.bench.claim()
        scene.bench.begin(claim)
        scene.bench.clock.advance(31)
    scene.bench.claim()

    scene.turn()

    assert scene.taken() == ["lost"]


def test_the_log_says_once_that_deliveries_fail_and_why_and_that_they_go_on(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.happen(2)
    deliverer = scene.deliverer()
    with caplog.at_level(logging.WARNING):
        for status in (500, 500, 404, 404, 204):
            scene.hook.answer(status)
            deliverer.turn(lambda: True)
            scene.bench.clock.advance(BACKOFF_CAP_S)

    assert [record.getMessage() for record in caplog.records] == [
        "Events are not delivered to the webhook, and wait: the receiver answered 500.",
        "Events are not delivered to the webhook, and wait: the receiver answered 404.",
        "Events are delivered to the webhook again.",
    ]


def test_while_no_webhook_wants_events_there_is_nothing_to_see(
    server: Server, namespace: str, store: Store
) -> None:
    want_events(store, kept=KEPT, webhook=False)
    assert store.run("deliveries", "") == []
    want_events(store, kept=KEPT, webhook=True)
    answer: list[Any] = store.run("deliveries", "")
    assert Standing.from_answer(*answer) == Standing(waiting=0)
    server.client.hset(f"{namespace}:webhook", "wanted_until", "1")
    assert store.run("deliveries", "") == []
