"""Slots against the three ways in which the API may count: no request that leaves at its slot meets a 429.

The slots that the script grants are replayed, in a time of their own, through the simulator's pure policies.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from pipeline.simulator.limits import Limits as ApiLimits
from pipeline.store import Store
from tests.integration.limiter.pace import DAY_US, NOON_US, SECOND_US, Asker, make_limits

POLICIES = ("fixed", "sliding", "bucket")
# A slot may be used 7 ms late and the way may take 3 ms more (`LATE_S` of the limiter): that is what a margin
# of 1 % allows for.
DELAY_MAX_S = 0.0099


Load = Callable[[Asker, int, Random], list[int]]


def rejected(slots: list[int], *, per_second: float, per_day: int, runs: int = 5) -> Counter[str]:
    """Count the 429s under each policy, when the requests arrive a little after their slots."""
    counts: Counter[str] = Counter()
    for policy, seed in itertools.product(POLICIES, range(runs)):
        random = Random(seed)
        api = ApiLimits(policy, per_second, per_day, day_s=86_400, wall_start_s=random.random())
        arrivals_s = sorted((slot - NOON_US) / 1e6 + random.random() * DELAY_MAX_S for slot in slots)
        counts[policy] += sum(api.admit(arrival_s) > 0 for arrival_s in arrivals_s)
    return +counts


def steady(asker: Asker, count: int, _random: Random) -> list[int]:
    """A backlog: always somebody asks."""
    return asker.slots(count)


def with_pauses(asker: Asker, count: int, random: Random) -> list[int]:
    """Nobody asks for a while, then many do."""
    slots: list[int] = []
    while len(slots) < count:
        slots += asker.slots(random.randrange(1, 20))
        asker.now_us = max(asker.now_us, slots[-1]) + random.randrange(3 * SECOND_US)
    return slots


@pytest.mark.parametrize("load", [steady, with_pauses])
@pytest.mark.parametrize("per_second", [0.5, 2.5, 3, 10, 50])
def test_no_second_is_overdrawn(store: Store, per_second: float, load: Load) -> None:
    slots = load(Asker(store, make_limits(per_second)), 400, Random(1))

    assert not rejected(slots, per_second=per_second, per_day=1_000_000)


@pytest.mark.parametrize("load", [steady, with_pauses])
def test_no_day_is_overdrawn(store: Store, load: Load) -> None:
    slots = load(Asker(store, make_limits(3, 100)), 400, Random(2))

    assert slots[-1] - slots[0] > 3 * DAY_US
    assert not rejected(slots, per_second=3, per_day=100)


def test_requests_that_are_a_little_too_fast_are_found_out(store: Store) -> None:
    slots = Asker(store, make_limits(10.5, margin=0)).slots(400)

    assert rejected(slots, per_second=10, per_day=1_000_000).keys() == {"fixed", "sliding", "bucket"}


def test_requests_that_are_too_many_for_a_day_are_found_out(store: Store) -> None:
    slots = Asker(store, make_limits(3, 102)).slots(400)

    assert rejected(slots, per_second=3, per_day=100).keys() == {"fixed", "sliding", "bucket"}
