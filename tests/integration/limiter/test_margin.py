"""The margin: widened by a 429 that speaks of the limit a second; what was added halves every half hour."""

from __future__ import annotations

from math import ceil

import pytest

from pipeline.limiter import SHORT_RETRY_AFTER_S, Limiter
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import SECOND_US, Asker, make_limits

PER_SECOND = 10.0


class Margin:
    """A limiter and the margin with which it paces, as seen from its slots."""

    def __init__(self, store: Store, base: float = 0.01) -> None:
        limits = make_limits(PER_SECOND, margin=base)
        self.clock = Clock()
        self.limiter = Limiter(store, limits, clock=self.clock)
        self._asker = Asker(store, limits)

    def refuse(self, retry_after_s: float) -> None:
        """Let the API answer 429, and its Retry-After pass."""
        self.limiter.close_for(retry_after_s, "429")
        self.clock.advance(retry_after_s)

    def read(self) -> float:
        """Measure the pace, after a pause."""
        self._asker.now_us = round(self.clock.now_s * 1e6)
        self._asker.slots(1)
        self._asker.now_us += 60 * SECOND_US
        first = self._asker.ask()
        second = self._asker.ask()
        return 1 - SECOND_US / PER_SECOND / (second.wait_us - first.wait_us)


@pytest.fixture
def margin(store: Store) -> Margin:
    return Margin(store)


def test_the_margin_is_the_one_of_the_settings_as_long_as_nothing_happens(margin: Margin) -> None:
    assert margin.read() == pytest.approx(0.01, abs=1e-5)


def test_each_short_retry_after_widens_the_margin_by_half_up_to_a_tenth(margin: Margin) -> None:
    seen = []
    for _ in range(8):
        margin.refuse(0.0)
        seen.append(margin.read())

    # Each is read a minute later, when a little of what was added is gone.
    left = 0.5 ** (61 / 1800)
    widened = [min(0.1, 0.01 * 1.5**count) for count in range(1, 9)]
    assert seen == pytest.approx([0.01 + (each - 0.01) * left for each in widened], 0.01)


def test_a_margin_of_nothing_is_widened_as_well(store: Store) -> None:
    margin = Margin(store, base=0.0)
    margin.refuse(1)

    assert margin.read() == pytest.approx(0.0075, rel=0.1)


def test_the_widening_halves_every_half_hour(margin: Margin) -> None:
    for _ in range(9):
        margin.refuse(0)

    seen = []
    for _ in range(3):
        margin.clock.advance(1800 - 60)
        seen.append(margin.read())
        margin.clock.advance(60)

    assert seen == pytest.approx([0.01 + 0.09 / 2, 0.01 + 0.09 / 4, 0.01 + 0.09 / 8], abs=1e-5)
    margin.clock.advance(24 * 3600)
    assert margin.read() == pytest.approx(0.01, abs=1e-5)


def test_a_long_retry_after_speaks_of_the_day_and_leaves_the_margin(margin: Margin) -> None:
    margin.refuse(SHORT_RETRY_AFTER_S + 1)
    assert margin.read() == pytest.approx(0.01, abs=1e-5)

    margin.refuse(SHORT_RETRY_AFTER_S)
    assert margin.read() > 0.0125


def test_the_interval_is_never_a_hair_too_short(store: Store) -> None:
    asker = Asker(store, make_limits(7, margin=0.013))
    asker.warm_up()
    asker.ask()

    assert asker.ask().wait_us == ceil(SECOND_US / 7 / (1 - 0.013))


def test_requests_that_were_under_way_widen_it_once(margin: Margin) -> None:
    for _ in range(8):
        margin.limiter.close_for(1, "429")

    assert margin.limiter.in_force().margin == pytest.approx(0.015)


def test_a_base_wider_than_a_tenth_is_not_narrowed(store: Store) -> None:
    margin = Margin(store, base=0.2)
    margin.refuse(1)

    assert margin.limiter.in_force().margin == pytest.approx(0.2)
