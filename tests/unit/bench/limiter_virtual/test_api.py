from __future__ import annotations

import statistics
from random import Random

import pytest

from bench.limiter_virtual.api import DAY_S, Api, Network
from bench.limiter_virtual.world import World

POLICIES = ("fixed", "sliding", "bucket")


def make_api(
    world: World,
    *,
    policy: str = "sliding",
    per_second: float = 3.0,
    per_day: int = 1_000,
    mean_s: float = 0.0,
) -> Api:
    random = Random(1)
    network = Network(random, mean_s)
    return Api(world, network, random, policy=policy, per_second=per_second, per_day=per_day)


def send(world: World, api: Api, count: int) -> list[int]:
    """Send so many requests at this instant; gives the Retry-After of each answer, 0 for none."""
    answers: list[int] = []
    for _ in range(count):
        api.send(answers.append)
    world.run(2.0)
    return answers


@pytest.mark.parametrize("policy", POLICIES)
def test_more_than_the_second_allows_is_rejected(policy: str) -> None:
    world = World()
    api = make_api(world, policy=policy)

    answers = send(world, api, 5)

    assert sorted(answers) == [0, 0, 0, 1, 1]
    assert (api.accepted, api.rejected) == (3, 2)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_day_rolls_whatever_the_policy_for_the_second(policy: str) -> None:
    world = World()
    api = make_api(world, policy=policy, per_day=6)
    world.run(DAY_S - 10.0)
    send(world, api, 3)
    world.run(DAY_S / 2 - 2.0)
    send(world, api, 3)

    (retry_s,) = send(world, api, 1)
    world.run(DAY_S / 2 - 10.0)
    early = send(world, api, 1)
    world.run(10.0)

    assert retry_s == DAY_S / 2 - 2.0
    assert early != [0]
    assert send(world, api, 1) == [0]


def test_answers_take_a_while() -> None:
    world, at_s = World(), list[float]()
    api = make_api(world, per_second=500.0)
    for _ in range(500):
        api.send(lambda _retry_s: at_s.append(world.elapsed_s))

    world.run(1.0)

    assert min(at_s) >= 0.05
    assert max(at_s) <= 0.4
    assert statistics.fmean(at_s) == pytest.approx(0.225, rel=0.05)


def test_one_way_takes_an_exponential_time() -> None:
    network = Network(Random(1), 0.005)

    delays_s = [network.delay_s() for _ in range(20_000)]

    assert statistics.fmean(delays_s) == pytest.approx(0.005, rel=0.05)
    assert statistics.stdev(delays_s) == pytest.approx(0.005, rel=0.05)
