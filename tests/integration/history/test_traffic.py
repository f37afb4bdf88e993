"""Requests minute by minute, as they were counted."""

from __future__ import annotations

import time

import pytest

from pipeline.counting import text_of
from pipeline.history import Answered, Endpoint, History, counted
from pipeline.job import Lane
from pipeline.scripts import script_text
from pipeline.store import Store
from tests.clocks import NOON_S, Clock
from tests.servers import Server

MINUTE_S, HOUR_S = 60.0, 3600.0


def ask(
    store: Store,
    clock: Clock,
    status: int | None = 201,
    endpoint: Endpoint = Endpoint.CREATE_CALL,
    lane: Lane = Lane.BACKFILL,
) -> None:
    """Count a request at the clock's time."""
    text = text_of(counted.request(endpoint, lane, status), round(clock.now_s * 1000))
    store._client.eval(script_text("clock"), 2, store._prefix, store._prefix, text)


def test_requests_are_told_by_minute_endpoint_lane_and_answer(
    store: Store, history: History, clock: Clock
) -> None:
    for status in (201, 201, 400, 429, 503, None, 302):
        ask(store, clock, status)
    clock.advance(MINUTE_S)
    ask(store, clock, 200, Endpoint.UPLOAD_MEDIA)
    ask(store, clock, 200, Endpoint.LIST_USERS, Lane.LIVE)

    before, earlier, now = history.traffic(3)

    start = NOON_S // 60 * 60
    assert [before.at, earlier.at, now.at] == [start - 60, start, start + 60]
    assert before.requests == {}
    create = (Endpoint.CREATE_CALL, Lane.BACKFILL)
    assert earlier.requests == {(*create, each): 2 if each is Answered.OK else 1 for each in Answered}
    assert now.requests == {
        (Endpoint.UPLOAD_MEDIA, Lane.BACKFILL, Answered.OK): 1,
        (Endpoint.LIST_USERS, Lane.LIVE, Answered.OK): 1,
    }
    assert earlier.count() == 7
    assert earlier.count(answered=Answered.RATE_LIMITED) == 1
    assert now.count(lane=Lane.LIVE) == now.count(endpoint=Endpoint.LIST_USERS) == 1


def test_a_whole_day_is_told_and_no_more(store: Store, history: History, clock: Clock) -> None:
    ask(store, clock)
    clock.advance(1439 * MINUTE_S)

    minutes = history.traffic(99_999)
    assert (len(minutes), minutes[0].count()) == (1440, 1)

    clock.advance(MINUTE_S)
    assert sum(each.count() for each in history.traffic()) == 0


def test_traffic_is_forgotten_by_the_server_itself(
    store: Store, clock: Clock, server: Server, namespace: str
) -> None:
    ask(store, clock)

    (key,) = server.client.keys(f"{namespace}:traffic:*")
    assert 24 * 3600 < server.client.ttl(key) <= 26 * 3600


@pytest.mark.parametrize("minutes", [1, 2, 60, 61, 120, 1440])
@pytest.mark.parametrize("minute_of_hour", [0, 1, 30, 59])
def test_the_first_minute_is_found_wherever_its_hour_begins(
    minute_of_hour: int, minutes: int, store: Store, history: History, clock: Clock
) -> None:
    clock.now_s = NOON_S // HOUR_S * HOUR_S + minute_of_hour * MINUTE_S
    ask(store, clock)
    clock.advance((minutes - 1) * MINUTE_S)

    assert [each.count() for each in history.traffic(minutes)] == [1] + [0] * (minutes - 1)


def test_what_was_counted_goes_with_the_next_script(store: Store) -> None:
    store.count(counted.request(Endpoint.CREATE_CALL, Lane.LIVE, 201))
    store.count(counted.request(Endpoint.CREATE_CALL, Lane.LIVE, 201))
    assert History(store).traffic(2)[1].at <= time.time()
    assert sum(each.count() for each in History(store).traffic(2)) == 0

    store.run("clock")

    assert sum(each.count() for each in History(store).traffic(2)) == 2
