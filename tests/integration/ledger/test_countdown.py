"""Countdowns: an attempt that waits without a process leaves its place in the window to others."""

from __future__ import annotations

from pipeline.job import Step
from tests.integration.ledger.bench import Bench, make_wait


def postpone(bench: Bench, name: str, *, wait_s: float) -> None:
    bench.ledger.postpone(bench.begin(bench.claimed(name)), make_wait(wait_s=wait_s, keep=True))


def test_a_job_in_a_countdown_leaves_its_place_to_another(bench: Bench) -> None:
    postpone(bench, "a", wait_s=30)
    bench.submit("b", "c")

    assert len(bench.claim(window=1)) == 1
    assert bench.claim(window=1) == []


def test_a_countdown_that_has_ended_takes_its_place_again(bench: Bench) -> None:
    postpone(bench, "a", wait_s=5)
    bench.submit("b")
    bench.clock.advance(5)

    assert bench.claim(window=1) == []


def test_countdowns_leave_no_more_places_than_the_window_has(bench: Bench) -> None:
    for name in "abcde":
        postpone(bench, name, wait_s=30)
    bench.submit(*"uvwxyz")

    # Five are under a lease. As many places as the window has are free again: 2 + 2, and 4 + 4.
    assert bench.claim(window=2) == []
    assert len(bench.claim(window=4)) == 3


def test_whoever_is_let_go_is_in_no_countdown(bench: Bench) -> None:
    postpone(bench, "a", wait_s=30)
    (job_id,) = bench.server.client.zrange(bench.key("countdowns"), 0, -1)
    held = bench.ledger.begin_step(job_id, int(bench.job("a")["token"]), Step.VALIDATE, run="again")

    bench.ledger.postpone(held, make_wait(wait_s=1, keep=False))

    assert bench.server.client.zcard(bench.key("countdowns")) == 0
