"""The intake, with a real server: what becomes of messages that others push into its lists."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.intake import DUTY_S, LOOK_MESSAGES, MESSAGE_MAX_BYTES, Intake, Message, Turn
from pipeline.job import Lane, Submission, job_id_of
from pipeline.ledger import Control, Ledger, Manifests, Record, Refused
from pipeline.payload import Payload
from pipeline.recording import submission_of
from pipeline.settings import Settings
from pipeline.store import Store
from tests.clocks import Clock
from tests.messages import make_envelope, make_message
from tests.recordings import make_call
from tests.servers import Server
from tests.waiting import await_true
from workers.app import make_app
from workers.intake import IntakeDuty, IntakeTurns
from workers.message import LISTS, read_message


@dataclass(slots=True)
class Bench:
    """The intake of one namespace, and a look at its lists and at the ledger."""

    server: Server
    namespace: str
    store: Store
    clock: Clock = field(default_factory=Clock)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store, lease_ttl_s=30, attempts_max=20)

    def intake(self, worker: str = "one@here") -> Intake:
        return Intake(self.store, self.ledger, worker=worker, lists=LISTS, clock=self.clock)

    def send(self, *messages: str | bytes, name: str = LISTS[0]) -> None:
        for message in messages:
            self.server.client.lpush(f"{self.namespace}:{name}", message)

    def turn(self, worker: str = "one@here") -> Turn:
        return self.intake(worker).turn(read_message)

    def waiting(self) -> int:
        return sum(int(self.server.client.llen(f"{self.namespace}:{name}")) for name in LISTS)

    def batch_of(self, name: str) -> str | None:
        record = Control(self.store).find(name)
        return record.batch if record else None

    def records(self, batch: str = "live") -> list[Record]:
        return list(Manifests(self.store).records(batch))

    def refused(self, batch: str = "live") -> list[tuple[str, str]]:
        return [
            (each.code, each.client_unique_id)
            for each in Refused(Manifests(self.store)).letters(batch, most=100)
        ]


@pytest.fixture
def bench(server: Server, server_url: str, namespace: str) -> Iterator[Bench]:
    store = Store(server_url, namespace, errors="surrogateescape")
    yield Bench(server, namespace, store)
    store.close()


def message_for(name: str, *, media: str | None = "a.wav", title: str = "Call", **arguments: Any) -> str:
    return make_message(call=make_call(name, title=title), media=media, **arguments)


def test_what_was_sent_is_in_the_ledger_and_waits_no_more(bench: Bench) -> None:
    bench.send(message_for("a"), message_for("b", batch="crm", lane="backfill"))

    done = bench.turn()

    assert (done.found, done.taken, done.refused) == (2, 2, ())
    assert (bench.batch_of("a"), bench.batch_of("b")) == ("live", "crm")
    lanes = [bench.server.client.hget(f"{bench.namespace}:job:{job_id_of(name)}", "lane") for name in "ab"]
    assert lanes == ["live", "backfill"]
    assert bench.waiting() == 0


def test_it_is_the_recording_that_comes_by_any_other_way(bench: Bench) -> None:
    bench.send(message_for("a"))
    bench.turn()
    by_hand = submission_of(make_call("a", title="Call"), "a.wav")

    (receipt,) = bench.ledger.submit([by_hand], batch="other", lane=Lane.LIVE)

    assert (receipt.result, receipt.batch) == ("known", "live")


def test_the_same_message_again_is_known_and_other_content_is_refused(bench: Bench) -> None:
    same = message_for("a")
    bench.send(same, same, message_for("a"), message_for("a", title="Another"))

    done = bench.turn()

    assert done.taken == 4
    assert bench.ledger.counts("live").total == 1
    assert bench.refused() == [("conflict", "a")]
    assert "is known with other content, pending in the batch 'live'" in done.refused[0].reason


def test_the_first_one_of_a_recording_stays_whatever_is_sent_between(bench: Bench) -> None:
    bench.send(
        message_for("a"), message_for("b", batch="crm"), message_for("a", batch="crm", title="Another")
    )

    bench.turn()

    assert bench.batch_of("a") == "live"
    assert bench.refused("crm") == [("conflict", "a")]


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        ("no JSON", ("message_malformed", "")),
        (b"\x80\x03}q\x00.", ("message_malformed", "")),
        (message_for("a", color="red"), ("call_invalid", "a")),
        (message_for("a", media=""), ("call_invalid", "a")),
        (message_for("a", media=None), ("call_invalid", "a")),
        (make_message(make_call("a", direction="in"), "a.wav"), ("call_invalid", "a")),
        (make_message(make_call("\ud800"), "a.wav"), ("call_invalid", "")),
        (make_message([], "a.wav"), ("call_invalid", "")),
        (make_message("a" * 70_000), ("call_invalid", "")),
        (make_message(), ("call_invalid", "")),
        (message_for("a", lane="fast"), ("message_malformed", "a")),
        (make_message(make_call("a", customData="x" * (1 << 20)), "a.wav"), ("call_invalid", "a")),
        ("x" * (MESSAGE_MAX_BYTES + 1), ("message_malformed", "")),
    ],
)
def test_what_cannot_be_handed_in_is_kept_with_the_reason_and_holds_up_nothing(
    bench: Bench, message: str | bytes, refused: tuple[str, str]
) -> None:
    bench.send(message_for("before"), message, message_for("behind"))

    done = bench.turn()
    if bench.waiting():
        bench.turn()

    assert bench.refused() == [refused]
    assert bench.waiting() == 0
    assert [bench.batch_of(name) for name in ("before", "behind")] == ["live", "live"]
    (row,) = [each for each in bench.records() if each.state == "rejected"]
    assert (row.manifest, row.line, row.code) == ("calls.submit", 1, refused[0])
    assert row.reason
    assert bench.ledger.counts("live").rejected == 1
    assert done.taken


def test_a_call_too_deep_to_be_written_is_refused_without_it(bench: Bench) -> None:
    """A number that keeps its form makes the writing of a call a matter of Python's own calls."""
    message = make_envelope()
    deep = "[" * 600 + "1.50" + "]" * 600
    call = json.dumps(make_call("a", customData="DEEP")).replace('"DEEP"', deep)
    message["body"] = base64.b64encode(f'[[{call}, "a.wav"], {{}}, {{}}]'.encode()).decode()
    bench.send(json.dumps(message), message_for("behind"))

    bench.turn()

    assert (bench.refused(), bench.waiting()) == ([("call_invalid", "a")], 0)
    assert bench.batch_of("behind") == "live"


def test_a_message_over_which_the_program_stumbles_holds_up_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.send("stumble", message_for("a"))

    def stumble(message: Message) -> Any:
        if message.text == "stumble":
            raise RecursionError
        return read_message(message)

    bench.intake().turn(stumble)

    assert bench.refused() == [("message_malformed", "")]
    assert bench.batch_of("a") == "live"
    assert "Traceback" in caplog.text


def test_a_refused_message_stands_in_the_batch_that_it_names(bench: Bench) -> None:
    bench.send(message_for("a", batch="crm", media=None), message_for("b", batch="crm", media=None))

    bench.turn()

    assert bench.refused("crm") == [("call_invalid", "b"), ("call_invalid", "a")]
    (group,) = Refused(Manifests(bench.store)).reasons("crm")
    assert (group.count, dict(group.steps), group.example.client_unique_id) == (2, {"submit": 2}, "b")


def test_a_sender_that_is_wrong_all_day_does_not_fill_the_server(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.intake.INTAKE_KEPT", 3)
    for number in range(300):
        bench.send(message_for(f"bad-{number}", media=None))

    while bench.waiting():
        bench.turn()

    assert [name for _, name in bench.refused()] == ["bad-299", "bad-298", "bad-297"]
    assert bench.ledger.counts("live").rejected == 3
    assert len(bench.records()) == 3


def test_what_is_urgent_goes_first_and_the_oldest_of_a_list_before_the_others(bench: Bench) -> None:
    names = []

    def read(message: Message) -> Any:
        request = read_message(message)
        names.append(request.members["call"]["clientUniqueId"])
        return request

    bench.send(message_for("late"), name=LISTS[3])
    bench.send(message_for("a"), message_for("b"))
    bench.intake().turn(read)

    assert names == ["a", "b", "late"]
    assert bench.waiting() == 0


def test_a_turn_takes_as_much_as_a_round_trip_carries(bench: Bench) -> None:
    bench.send(*(message_for(f"call-{number}") for number in range(LOOK_MESSAGES + 1)))
    assert (bench.turn().taken, bench.waiting()) == (LOOK_MESSAGES, 1)
    bench.turn()

    long = make_call("long", customData="x" * 900_000)
    bench.send(*(make_message(long | {"clientUniqueId": f"long-{number}"}, "a.wav") for number in range(6)))
    assert [bench.turn().taken, bench.turn().taken] == [4, 2]


def test_one_worker_has_it_until_it_leaves_or_is_gone(bench: Bench) -> None:
    bench.turn("one@here")
    bench.send(message_for("a"))

    assert bench.turn("other@here") == Turn(is_mine=False)
    assert bench.waiting() == 1

    bench.clock.advance(DUTY_S - 0.1)
    assert not bench.turn("other@here").is_mine
    bench.clock.advance(0.1)
    assert bench.turn("other@here").taken == 1
    assert not bench.turn("one@here").is_mine

    bench.intake("one@here").leave()
    assert not bench.turn("one@here").is_mine
    bench.intake("other@here").leave()
    assert bench.turn("one@here").is_mine


def test_a_clock_that_was_set_back_leaves_nobody_with_it_for_hours(bench: Bench) -> None:
    bench.turn("one@here")
    bench.clock.advance(-7200)

    assert bench.turn("other@here").is_mine


def test_who_was_taken_for_gone_and_goes_on_does_no_harm(bench: Bench) -> None:
    """It has looked, and stands still while another one takes what it saw."""
    bench.send(message_for("a"), message_for("bad", media=None))

    taken: list[int] = []

    def look_and_stand_still(message: Message) -> Any:
        if not taken:
            bench.clock.advance(DUTY_S + 1)
            taken.append(bench.turn("other@here").taken)
            bench.send(message_for("later"))
        return read_message(message)

    done = bench.intake("one@here").turn(look_and_stand_still)

    assert taken == [2]
    assert (done.found, done.taken) == (2, 0)
    assert bench.waiting() == 1
    assert bench.refused() == [("call_invalid", "bad")]
    assert bench.ledger.counts("live").total == 1


class Broken(Exception):
    """The process is gone here."""


@pytest.mark.parametrize("at", ["begin submit", "run take_from_intake"])
def test_who_dies_at_it_leaves_every_message_to_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    bench.send(message_for("a"), message_for("bad", media=None))
    method, script = at.split()
    original = getattr(Store, method)

    def until(store: Store, name: str, *arguments: Any) -> Any:
        if name == script:
            raise Broken
        return original(store, name, *arguments)

    with monkeypatch.context() as dying:
        dying.setattr(Store, method, until)
        with pytest.raises(Broken):
            bench.turn()
    assert bench.waiting() == 2

    bench.turn()

    assert bench.waiting() == 0
    assert bench.ledger.counts("live").total == 1
    assert bench.refused() == [("call_invalid", "bad")]


def test_a_worker_waits_for_messages_and_takes_them_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setenv("GONG_INGEST_REDIS_URL", server.url)
    monkeypatch.setenv("GONG_INGEST_NAMESPACE", bench.namespace)
    # Longer than this test waits, so who would only look now and then takes nothing.
    monkeypatch.setattr("workers.intake.LOOK_INTERVAL_S", 12)
    consumer: Any = SimpleNamespace(hostname="worker@here", app=make_app(Settings(redis_url=server.url)))
    duty = IntakeDuty(consumer)
    duty.start(consumer)
    try:
        await_true(lambda: _waits(server), "the worker waits")
        bench.send(message_for("a"))
        await_true(lambda: bench.batch_of("a"), "it is in the ledger")
        bench.send(b"\xff\xfe")
        await_true(bench.refused, "it is refused")
        # Its next wait is one that a worker which stops sees the end of.
        monkeypatch.setattr("workers.intake.LOOK_INTERVAL_S", 1)
        bench.send(message_for("b"))
        await_true(lambda: bench.batch_of("b"), "it has been awake")
    finally:
        duty.stop(consumer)
    await_true(lambda: bench.server.client.hgetall(f"{bench.namespace}:duties") == {}, "the duty is left")


def _waits(server: Server) -> bool:
    return any(client["cmd"] == "blmove" for client in server.client.client_list())


def test_the_log_names_what_was_refused_without_what_stands_in_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = make_call("pbx-1", direction="in", parties=[{"emailAddress": "a@b.invalid", "age": 3}])
    bench.send(make_message(wrong, "a.wav"), message_for("b"))

    IntakeTurns(bench.intake()).turn(threading.Event())

    (record,) = caplog.records
    assert record.getMessage() == (
        "1 of 2 messages of the intake were refused (gong-ingest dead), such as that of pbx-1: call_invalid."
    )


def test_a_refused_message_can_be_checked_anew(bench: Bench) -> None:
    """As `gong-ingest requeue` does, when what was wrong is right now: here, the id is free again."""
    taken = Submission("a", Payload(json.dumps(make_call("a")), "b.wav"), "other-content")
    bench.ledger.submit([taken], batch="other", lane=Lane.LIVE)
    bench.send(message_for("a"))
    bench.turn()

    ((manifest, row),) = Manifests(bench.store).rejected("live")

    assert (manifest.name, row.code, row.media) == ("calls.submit", "conflict", "a.wav")
    assert json.loads(row.call or "") == make_call("a", title="Call")
    assert json.loads(row.row)[1]["media"] == "a.wav"
