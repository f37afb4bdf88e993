from __future__ import annotations

from functools import partial

from bench.limiter_virtual.world import STARTS_AT_S, World


def test_events_happen_in_the_order_of_time_and_then_of_planning() -> None:
    world, happened = World(), list[str]()
    for wait_s, name in [(2.0, "late"), (1.0, "first"), (1.0, "second")]:
        world.after(wait_s, partial(happened.append, name))

    world.run(3.0)

    assert happened == ["first", "second", "late"]


def test_the_clock_shows_the_instant_of_the_event() -> None:
    world, seen = World(), list[float]()
    world.after(1.5, lambda: world.after(0.25, lambda: seen.append(world.clock())))

    world.run(10.0)

    assert seen == [STARTS_AT_S + 1.75]
    assert world.elapsed_s == 10.0


def test_what_is_planned_for_later_happens_when_time_goes_on() -> None:
    world, happened = World(), list[str]()
    world.after(5.0, partial(happened.append, "it"))

    world.run(4.9)
    assert not happened
    world.run(0.2)

    assert happened == ["it"]


def test_an_instant_that_has_passed_means_now() -> None:
    world, seen = World(), list[float]()
    world.run(10.0)
    world.at(STARTS_AT_S + 3.0, lambda: seen.append(world.elapsed_s))

    world.run(1.0)

    assert seen == [10.0]
