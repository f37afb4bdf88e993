"""The fleet: who is alive."""

from __future__ import annotations

from pipeline.ledger import Fleet, Ledger, Member
from tests.clocks import Clock
from tests.integration.ledger.bench import Bench


def test_there_is_no_fleet_before_anybody_joined(ledger: Ledger) -> None:
    assert ledger.fleet() == Fleet(workers=0, calls=0, media=0)


def test_who_joins_sees_the_whole_fleet(ledger: Ledger) -> None:
    ledger.join_fleet("calls@one", calls=4, media=0, ttl_s=10)

    assert ledger.join_fleet("media@two words", calls=1, media=8, ttl_s=10) == Fleet(2, calls=5, media=8)
    assert ledger.fleet() == Fleet(2, calls=5, media=8)


def test_to_join_again_renews_and_changes_the_membership(ledger: Ledger, clock: Clock) -> None:
    ledger.join_fleet("one", calls=4, media=0, ttl_s=10)
    clock.advance(9)
    ledger.join_fleet("one", calls=2, media=1, ttl_s=10)
    clock.advance(9)

    assert ledger.fleet() == Fleet(1, calls=2, media=1)


def test_who_is_silent_is_forgotten(ledger: Ledger, clock: Clock) -> None:
    ledger.join_fleet("one", calls=4, media=0, ttl_s=10)
    ledger.join_fleet("two", calls=1, media=1, ttl_s=20)

    clock.advance(10)

    assert ledger.fleet() == Fleet(1, calls=1, media=1)
    ledger.join_fleet("two", calls=1, media=1, ttl_s=20)
    clock.advance(-5)
    assert ledger.fleet() == Fleet(1, calls=1, media=1)


def test_who_leaves_is_gone_at_once(ledger: Ledger) -> None:
    ledger.join_fleet("one", calls=4, media=4, ttl_s=10)
    ledger.join_fleet("two", calls=1, media=1, ttl_s=10)

    assert ledger.join_fleet("one", calls=0, media=0, ttl_s=0) == Fleet(1, calls=1, media=1)


def test_a_worker_tells_of_itself(ledger: Ledger) -> None:
    ledger.join_fleet("new", calls=4, media=0, ttl_s=10, told="1.2.3 abc")
    ledger.join_fleet("silent", calls=0, media=2, ttl_s=10)

    assert sorted(ledger.members(), key=lambda each: each.name) == [
        Member("new", 4, 0, "1.2.3", "abc"),
        Member("silent", 0, 2, "", ""),
    ]


def test_a_worker_of_before_that_told_nothing_is_counted_too(
    ledger: Ledger, bench: Bench, clock: Clock
) -> None:
    key = f"{bench.namespace}:workers"
    bench.server.client.hset(key, "old", f"{round(clock() * 1000) + 5000} 3 2")

    assert ledger.members() == [Member("old", 3, 2)]
