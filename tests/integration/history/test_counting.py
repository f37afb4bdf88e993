"""Counting goes along with other scripts: without a round trip of its own, and without harm to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from pipeline.counting import KEPT_MOST
from pipeline.errors import LedgerRefused, LedgerUnreachable
from pipeline.job import Step
from pipeline.steps import GoOn
from pipeline.store import Store
from tests.integration.steps.bench import Bench
from tests.integration.steps.conftest import api, bench, running_api
from tests.servers import Server, running_server

__all__ = ["api", "bench", "running_api"]


@contextmanager
def sent_round_trips() -> Iterator[list[bytes]]:
    """Note everything that is sent to the server: one entry for each way there and back."""
    sent: list[bytes] = []
    original: Any = redis.Connection.send_packed_command

    def send(connection: Any, command: Any, *, check_health: bool = True) -> None:
        sent.append(b"".join([command] if isinstance(command, bytes) else command))
        original(connection, command, check_health=check_health)

    with pytest.MonkeyPatch.context() as patch:
        for kind in (redis.Connection, redis.UnixDomainSocketConnection):
            patch.setattr(kind, "send_packed_command", send)
        yield sent


def totals(server: Server, namespace: str) -> dict[str, str]:
    found: dict[str, str] = server.client.hgetall(f"{namespace}:totals")
    return found


def test_a_recording_takes_no_command_for_what_is_counted(bench: Bench) -> None:
    bench.hand_in()
    with sent_round_trips() as sent:
        assert [bench.run(step) for step in Step] == [GoOn()] * 3

    counted = [each for each in sent if b" requests:" in each or b" wait:" in each or b" step:" in each]
    # Two requests, two waits and three steps went along with what was sent anyway.
    assert len(counted) >= 3
    assert {each.count(b"EVALSHA") for each in counted} == {1}
    assert totals(bench.server, bench.name)["requests:create_call:backfill:200"] == "1"


def test_a_script_and_what_was_counted_are_one_round_trip(
    store: Store, server: Server, namespace: str
) -> None:
    # so that the server knows the script
    store.count({"rescued": 1})
    store.run("clock")
    with sent_round_trips() as sent:
        store.count({"rescued": 1})
        store.count({"rescued": 2})
        store.run("clock")

    assert len(sent) == 1
    assert totals(server, namespace) == {"rescued": "4"}


def test_a_server_that_forgot_its_scripts_loses_nothing(store: Store, server: Server, namespace: str) -> None:
    for _ in range(2):
        store.count({"rescued": 1})
        server.client.script_flush()
        assert int(store.run("clock")) > 0

    assert totals(server, namespace) == {"rescued": "2"}


def test_an_error_of_the_script_is_told_as_without_counting(
    store: Store, server: Server, namespace: str
) -> None:
    store.run("clock")
    for counted in ({}, {"rescued": 1}):
        if counted:
            store.count(counted)
        with pytest.raises(LedgerRefused, match="unknown_reason"):
            store.run("close", "", "no-such-reason", "", 0, 1, 1, 0, 1, 0, 0, 0)
    assert totals(server, namespace) == {"rescued": "1"}


def test_counters_that_cannot_be_written_break_no_script(
    store: Store, server: Server, namespace: str
) -> None:
    server.client.set(f"{namespace}:totals", "no hash")
    store.count({"rescued": 1})

    assert int(store.run("clock")) > 0


def test_what_is_counted_while_the_server_is_away_is_told_later_and_has_a_bound() -> None:
    with running_server() as server:
        store = Store(server.url, "test", retries=0)
        store.run("clock")
        for _ in range(KEPT_MOST + 5):
            store.count({"rescued": 1})
        server.kill()
        with pytest.raises(LedgerUnreachable):
            store.run("clock")
        server.start()
        store.run("clock")

        assert totals(server, "test") == {"rescued": str(KEPT_MOST)}
        store.close()
