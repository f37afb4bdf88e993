"""The limits in force: set while running, over those of each worker's settings."""

from __future__ import annotations

import pytest

from pipeline.job import Lane
from pipeline.limiter import Limiter, Slot
from pipeline.store import Store
from tests.clocks import Clock
from tests.integration.limiter.pace import make_limits


def interval_s(limiter: Limiter, clock: Clock) -> float:
    clock.advance(60)
    first, second = limiter.acquire(Lane.LIVE), limiter.acquire(Lane.LIVE)
    assert isinstance(first, Slot)
    assert isinstance(second, Slot)
    return (second.at_us - first.at_us) / 1e6


def test_without_a_change_those_of_the_settings_hold(limiter: Limiter) -> None:
    now = limiter.in_force()

    assert (now.limits, now.changed) == (limiter.limits, ())
    assert (now.margin, now.requests_per_day, now.missed) == (0.01, 1_000_000, 0)
    assert now.pace == pytest.approx(2.97)


def test_a_change_holds_for_every_worker_at_its_next_request(
    limiter: Limiter, store: Store, clock: Clock
) -> None:
    other = Limiter(store, make_limits(7), clock=clock)

    limiter.set_limits({"requests_per_second": 10.0, "rate_margin": 0.0})

    assert interval_s(other, clock) == pytest.approx(0.1)
    assert other.in_force().limits.requests_per_second == 10
    assert set(other.in_force().changed) == {"requests_per_second", "rate_margin"}


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("requests_per_second", 4.5, "requests_per_second"),
        ("requests_per_day", 77, "requests_per_day"),
        ("rate_margin", 0.03, "margin"),
        ("burst", 3, "burst"),
        ("live_share", 0.25, "live_share"),
    ],
)
def test_each_of_them_is_set_and_taken_back(limiter: Limiter, name: str, value: float, field: str) -> None:
    limiter.set_limits({name: value})
    assert getattr(limiter.in_force().limits, field) == value

    limiter.set_limits({name: None})
    assert limiter.in_force().limits == limiter.limits
    assert limiter.in_force().changed == ()


def test_the_day_follows_a_change(limiter: Limiter) -> None:
    limiter.set_limits({"requests_per_day": 1})
    assert isinstance(limiter.acquire(Lane.LIVE), Slot)
    refused = limiter.acquire(Lane.LIVE)

    assert not isinstance(refused, Slot)
    assert refused.reason == "day"


def test_new_limits_forget_what_was_widened_and_learned(limiter: Limiter, clock: Clock) -> None:
    limiter.close_for(1, "429")
    assert limiter.in_force().margin == pytest.approx(0.015)

    limiter.set_limits({"requests_per_second": 5.0})

    assert limiter.in_force().margin == 0.01
