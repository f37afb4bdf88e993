"""Dispatching, with a real ledger and a real broker: what is claimed, when, and what the broker holds."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from kombu.asynchronous.timer import Timer

from pipeline.job import Lane, Submission
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter, Limits, Slot
from pipeline.payload import Payload, content_hash_of
from pipeline.settings import Settings
from pipeline.store import Store
from tests.clocks import Clock
from tests.servers import Server
from tests.waiting import await_true
from workers import dispatcher
from workers.app import make_app
from workers.beat import Beat
from workers.dispatcher import Dispatch, Dispatcher, Look, Worker, look_at

BOTH, LIVE_ONLY, NONE = (Lane.LIVE, Lane.BACKFILL), (Lane.LIVE,), ()
# Measured: 1,641 bytes and the name of the machine. With the recording in it: 5 KB, for each of a million.
MESSAGE_MAX_BYTES = 1_900


def make_limiter(store: Store, clock: Clock, **overrides: Any) -> Limiter:
    """Open a limiter whose first second, which is silent, has passed."""
    values: dict[str, Any] = {
        "requests_per_second": 3.0,
        "requests_per_day": 10,
        "margin": 0.0,
        "burst": 1,
        "live_share": 0.2,
    }
    limiter = Limiter(store, Limits(**(values | overrides)), clock=clock)
    limiter.look(Lane.LIVE)
    clock.advance(60)
    return limiter


def spend(count: int) -> Callable[[Limiter, Clock], None]:
    def prepare(limiter: Limiter, clock: Clock) -> None:
        for _ in range(count):
            limiter.acquire(Lane.LIVE)
            clock.advance(1)

    return prepare


def run_ahead(limiter: Limiter, _clock: Clock) -> None:
    while hasattr(limiter.look(Lane.BACKFILL), "leaves_at"):
        limiter.acquire(Lane.BACKFILL)


def close_by_hand(limiter: Limiter, _clock: Clock) -> None:
    limiter.close_by_hand("for the test")


def refuse_the_key(limiter: Limiter, _clock: Clock) -> None:
    limiter.close_unauthorized("for the test")


def refuse_the_key_a_while_ago(limiter: Limiter, clock: Clock) -> None:
    limiter.close_unauthorized("for the test")
    clock.advance(6)


def spend_the_day_and_refuse_the_key(limiter: Limiter, clock: Clock) -> None:
    spend_all(limiter, clock)
    refuse_the_key_a_while_ago(limiter, clock)


keep_for_live, spend_all = spend(8), spend(10)
UNSURE = (run_ahead, keep_for_live, spend_all, spend_the_day_and_refuse_the_key)


@pytest.mark.parametrize(
    ("prepare", "lanes"),
    [
        (spend(0), BOTH),
        # enough of backfill waits for its slots; live would go before it
        (run_ahead, LIVE_ONLY),
        (spend(7), BOTH),
        # what is left of the day is kept for live
        (keep_for_live, LIVE_ONLY),
        (spend_all, NONE),
        (spend_the_day_and_refuse_the_key, NONE),
        (close_by_hand, NONE),
        (refuse_the_key, NONE),
        # one job finds out
        (refuse_the_key_a_while_ago, BOTH),
    ],
)
def test_only_lanes_that_could_send_are_claimed_from(
    store: Store, prepare: Callable[[Limiter, Clock], None], lanes: tuple[Lane, ...]
) -> None:
    clock = Clock()
    limiter = make_limiter(store, clock)
    prepare(limiter, clock)

    look = look_at(limiter)
    assert look.lanes == lanes
    # the gate is told of without reading it, unless there is no slot in any case
    gate = limiter.gate()
    assert look.gate_is_open in {gate is None, None}
    assert (look.gate_is_open is None) is (prepare in UNSURE)


@pytest.mark.parametrize(("count", "is_spent"), [(7, False), (8, True)])
def test_a_day_that_is_spent_is_told_of(store: Store, count: int, is_spent: bool) -> None:
    clock = Clock()
    limiter = make_limiter(store, clock)
    spend(count)(limiter, clock)

    assert look_at(limiter).day_is_spent is is_spent


@dataclass(slots=True)
class Bench:
    """One worker's dispatcher, its ledger, and a look at what lies in the broker."""

    server: Server
    namespace: str
    settings: Settings
    store: Store
    app: Celery
    beat: Beat = field(default_factory=Beat)

    @property
    def ledger(self) -> Ledger:
        return Ledger.from_settings(self.settings, self.store)

    @property
    def limiter(self) -> Limiter:
        return Limiter.from_settings(self.settings, self.store)

    def dispatch(self, *, processes: int = 4) -> Dispatch:
        both = {"calls": processes, "media": processes}
        worker = Worker("worker@here", both, self.beat)
        return Dispatch(self.app, worker, store=self.store, settings=self.settings)

    def submit(self, count: int, *, title: str = "Call") -> None:
        submissions = [
            Submission(f"pbx-{number}", Payload(json.dumps(call), "a.wav"), content_hash_of(call, "a.wav"))
            for number in range(count)
            if (call := {"clientUniqueId": number, "title": title})
        ]
        self.ledger.submit(submissions, batch="calls", lane=Lane.BACKFILL)

    def leased(self) -> str:
        """Give the one job that is under a lease."""
        (job_id,) = self.server.client.zrange(f"{self.namespace}:leases", 0, -1)
        return str(job_id)

    def messages(self) -> list[str]:
        """Read the messages in the queue of calls as they lie in the broker."""
        found: list[str] = self.server.client.lrange(f"{self.namespace}:celery:calls", 0, -1)
        return found


@pytest.fixture
def bench(server: Server, store: Store, namespace: str) -> Bench:
    settings = Settings(redis_url=server.url, namespace=namespace)
    return Bench(server, namespace, settings, store, make_app(settings))


def test_the_broker_holds_a_window_whatever_the_backlog(bench: Bench) -> None:
    bench.submit(1000)
    dispatch, going_on = bench.dispatch(processes=4), threading.Event()

    for _ in range(2):
        dispatch.turn(going_on)

    assert len(bench.messages()) == 4
    counts = bench.ledger.counts("calls")
    assert (counts.active, counts.pending) == (4, 996)


def test_messages_are_small_whatever_the_recording(bench: Bench) -> None:
    bench.submit(1, title="x" * 100_000)

    bench.dispatch().turn(threading.Event())

    (message,) = bench.messages()
    assert len(message.encode()) < MESSAGE_MAX_BYTES
    assert "xxx" not in message


def test_a_worker_that_stops_gives_back_what_it_did_not_publish(bench: Bench) -> None:
    bench.submit(3)
    stopping = threading.Event()
    stopping.set()

    bench.dispatch().turn(stopping)

    assert bench.messages() == []
    counts = bench.ledger.counts("calls")
    assert (counts.active, counts.pending) == (0, 3)


def test_a_worker_that_was_asked_to_stop_leaves_what_is_handed_back_to_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.submit(3)
    monkeypatch.setattr("workers.turns.stop_by", lambda: 1.0)

    bench.dispatch().turn(threading.Event())

    assert bench.messages() == []
    assert bench.ledger.counts("calls").pending == 3


def test_a_gate_that_waits_for_a_probe_gets_one_job(bench: Bench) -> None:
    bench.submit(3)
    bench.limiter.close_unauthorized("for the test")
    dispatch, going_on = bench.dispatch(), threading.Event()
    dispatch.turn(going_on)
    assert bench.messages() == []

    bench.limiter.probe_now()
    for _ in range(2):
        dispatch.turn(going_on)

    assert len(bench.messages()) == 1


def test_an_upload_under_way_keeps_nobody_from_probing(bench: Bench) -> None:
    bench.submit(2)
    bench.ledger.claim(list(Lane), window=1)
    bench.limiter.close_unauthorized("for the test")
    bench.limiter.probe_now()

    bench.dispatch().turn(threading.Event())

    assert len(bench.messages()) == 1


def test_who_is_still_at_it_when_the_next_probe_may_leave_keeps_nobody_from_it(bench: Bench) -> None:
    bench.submit(3)
    dispatch, going_on = bench.dispatch(), threading.Event()
    bench.limiter.close_unauthorized("for the test")
    bench.limiter.probe_now()
    dispatch.turn(going_on)
    probe = bench.limiter.acquire(Lane.BACKFILL)
    assert isinstance(probe, Slot)
    assert probe.is_probe
    bench.limiter.probe_now()

    for _ in range(2):
        dispatch.turn(going_on)

    assert len(bench.messages()) == 2


def test_a_gate_that_is_probed_is_not_open_when_the_day_is_spent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = [Look(NONE, gate_is_open=is_open) for is_open in (False, None, None, True)]
    monkeypatch.setattr(dispatcher, "look_at", lambda _limiter: looks.pop(0))
    dispatch, told = bench.dispatch(), []
    for act in (lambda: bench.limiter.close_unauthorized("401"), str, bench.limiter.open_by_hand, str):
        act()
        caplog.clear()
        dispatch.turn(threading.Event())
        told.append([record.getMessage() for record in caplog.records])

    assert [len(each) for each in told] == [1, 0, 1, 0]
    assert told[2] == ["The gate is open again."]


def test_a_lease_that_ran_out_is_found_behind_a_closed_gate(bench: Bench) -> None:
    bench.submit(1)
    bench.ledger.claim(list(Lane), window=1)
    bench.limiter.close_by_hand("for the test")
    bench.server.client.zadd(f"{bench.namespace}:leases", {bench.leased(): 1})

    bench.dispatch().turn(threading.Event())

    counts = bench.ledger.counts("calls")
    assert (counts.active, counts.pending, bench.messages()) == (0, 1, [])


def test_a_request_that_comes_back_to_a_spent_day_gets_one_chain(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.submit(9)
    monkeypatch.setattr(dispatcher, "DRIP_S", 600.0)
    looks = [Look(LIVE_ONLY, gate_is_open=True, day_is_spent=True), *[Look(BOTH, gate_is_open=True)] * 2]
    monkeypatch.setattr(dispatcher, "look_at", lambda _limiter: looks.pop(0))
    dispatch, going_on = bench.dispatch(), threading.Event()

    dispatch.turn(going_on)
    dispatch.turn(going_on)

    assert len(bench.messages()) == 1
    dispatch._drips_until = 0.0
    dispatch.turn(going_on)
    assert len(bench.messages()) == 4


def test_a_closed_gate_gets_none(bench: Bench) -> None:
    bench.submit(3)
    bench.limiter.close_by_hand("for the test")

    bench.dispatch().turn(threading.Event())

    assert bench.messages() == []
    assert bench.ledger.counts("calls").pending == 3


def test_the_log_says_once_why_nothing_is_claimed_and_that_it_goes_on(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    dispatch, going_on = bench.dispatch(), threading.Event()
    close: list[Callable[[], object]] = [
        lambda: None,
        lambda: bench.limiter.close_for(600, "429"),
        lambda: bench.limiter.close_for(900, "429"),
        lambda: bench.limiter.close_unauthorized("401"),
        # the next try of a gate that is probed is told no more
        bench.limiter.probe_now,
        bench.limiter.open_by_hand,
    ]
    told = []
    for each in close:
        each()
        for _ in range(2):
            caplog.clear()
            bench.server.client.lpush(f"{bench.namespace}:wake", "1")
            dispatch.turn(going_on)
            told.append([record.getMessage() for record in caplog.records])
    assert [len(each) for each in told] == [0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0]
    sentences = [each[0] for each in told if each]
    assert all("Nothing is claimed: gate closed since" in each for each in sentences[:3])
    assert "until" in sentences[0]
    assert sentences[0] != sentences[1]
    assert "unauthorized: 401" in sentences[2]
    assert sentences[3] == "The gate is open again."


def test_a_worker_is_part_of_the_fleet_until_it_leaves(bench: Bench) -> None:
    dispatch = bench.dispatch(processes=4)

    dispatch.turn(threading.Event())
    assert (bench.ledger.fleet().workers, bench.ledger.fleet().media) == (1, 4)

    dispatch.leave()
    assert bench.ledger.fleet().workers == 0


def test_a_worker_that_takes_no_messages_is_no_part_of_the_fleet(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("workers.dispatcher.JOIN_INTERVAL_S", 0)
    monkeypatch.setattr("workers.dispatcher.MEMBERSHIP_S", 0.05)
    dispatch, going_on = bench.dispatch(), threading.Event()
    dispatch.turn(going_on)
    monkeypatch.setattr("workers.beat.SILENCE_MAX_S", -1)

    for _ in range(2):
        dispatch.turn(going_on)

    await_true(lambda: bench.ledger.fleet().workers == 0, "it is forgotten")
    (said,) = [record.getMessage() for record in caplog.records if "main loop" in record.getMessage()]
    assert "no part of the fleet" in said
    monkeypatch.setattr("workers.beat.SILENCE_MAX_S", 30)
    monkeypatch.setattr("workers.dispatcher.MEMBERSHIP_S", 60)
    dispatch.turn(going_on)
    assert bench.ledger.fleet().workers == 1


def test_what_the_server_refuses_for_good_is_said_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("workers.turns.REFUSED_WAIT_S", 0.01)
    monkeypatch.setenv("GONG_INGEST_REDIS_URL", bench.server.url)
    monkeypatch.setenv("GONG_INGEST_NAMESPACE", bench.namespace)
    bench.server.client.set(f"{bench.namespace}:workers", "somebody else's")
    consumer: Any = SimpleNamespace(
        app=bench.app,
        hostname="worker@here",
        pool=SimpleNamespace(num_processes=4),
        timer=Timer(),
    )
    dispatcher = Dispatcher(consumer)
    asked = bench.server.client.info("stats")["total_error_replies"]

    def asked_again() -> bool:
        return bool(bench.server.client.info("stats")["total_error_replies"] > asked + 5)

    with caplog.at_level(logging.WARNING):
        dispatcher.start(consumer)
        await_true(asked_again, "it was refused again and again")
        said = [record for record in caplog.records if "WRONGTYPE" in record.getMessage()]
        bench.server.client.delete(f"{bench.namespace}:workers")
        await_true(lambda: bench.ledger.fleet().workers == 1, "it goes on when it is mended")
        dispatcher.stop(consumer)

    assert [record.levelname for record in said] == ["CRITICAL"]
    assert "refuses the script join_fleet" in said[0].getMessage()
    assert "Traceback" not in caplog.text
