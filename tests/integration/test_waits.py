"""What a batch waits for, and what who watches it is told."""

from __future__ import annotations

import re
import time
from datetime import datetime

import pytest

from pipeline.cli.session import Session
from pipeline.cli.watch import View
from pipeline.job import Held, Lane, Wait
from pipeline.lease import missed_below_s
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter
from pipeline.settings import Settings
from pipeline.store import Store
from pipeline.waits import Waits, waits_of
from tests.integration.ledger.bench import BATCH, LEASE_TTL_S, REASON, Bench, make_submission
from tests.servers import Server

SETTINGS = Settings()
# Told to the second, of a moment that may be a few seconds ago.
CLOSE_S = 20.0


@pytest.fixture
def bench(server: Server, store: Store, namespace: str) -> Bench:
    return Bench(server, namespace, store)


def seen(bench: Bench, batch: str = BATCH) -> Waits:
    return waits_of(batch, bench.store, lease_ttl_s=LEASE_TTL_S, clock=bench.clock)


def test_what_is_due_is_waited_for_by_nobody(bench: Bench) -> None:
    bench.submit("a", "b")
    bench.clock.advance(1)

    assert seen(bench) == Waits(0.0, 0, 0.0)
    assert seen(bench, "no such batch") == Waits(0.0, 0, 0.0)


@pytest.mark.parametrize("keep", [True, False])
def test_the_last_job_that_is_put_off_is_told(bench: Bench, keep: bool) -> None:
    for name, wait_s in (("a", 7.0), ("b", 50.0), ("c", 20.0)):
        bench.ledger.postpone(bench.held(name), Wait(wait_s, keep=keep, costs_attempt=True, reason=REASON))
    bench.ledger.postpone(
        bench.held("z", batch="other"), Wait(300.0, keep=keep, costs_attempt=True, reason=REASON)
    )
    bench.clock.advance(1)

    assert seen(bench) == Waits(49.0, 0, 0.0)


def test_jobs_of_the_live_lane_are_waited_for_too(bench: Bench) -> None:
    held = bench.held(lane=Lane.LIVE)
    bench.ledger.postpone(held, Wait(9.0, keep=False, costs_attempt=True, reason=REASON))

    assert seen(bench).due_s == 9.0


def test_a_lease_that_is_not_renewed_is_told_of_until_it_ends(bench: Bench) -> None:
    alive, *gone = (bench.held(name) for name in "abc")
    bench.clock.advance(LEASE_TTL_S - missed_below_s(LEASE_TTL_S) - 0.1)
    assert seen(bench).silent == 0

    bench.ledger.renew(alive)
    bench.clock.advance(0.2)
    waits = seen(bench)
    assert (waits.due_s, waits.silent) == (0.0, len(gone))
    assert waits.silent_s == pytest.approx(missed_below_s(LEASE_TTL_S) - 0.1, abs=0.01)

    bench.clock.advance(LEASE_TTL_S)
    assert seen(bench) == Waits(0.0, 0, 0.0)


def test_a_message_on_its_way_is_renewed_by_nobody_and_no_worker_is_gone(bench: Bench) -> None:
    bench.claimed()
    bench.clock.advance(LEASE_TTL_S - 1)

    assert seen(bench).silent == 0


def test_a_worker_that_renews_is_never_called_gone() -> None:
    for lease_ttl_s in (2.0, 3.0, 30.0, 3600.0):
        assert missed_below_s(lease_ttl_s) < lease_ttl_s * 2 / 3 - 1


@pytest.fixture
def opened(store: Store) -> Session:
    ledger = Ledger(store, lease_ttl_s=LEASE_TTL_S, attempts_max=3)
    return Session(SETTINGS, store, ledger, Limiter.from_settings(SETTINGS, store), is_embedded=False)


def held_by(ledger: Ledger) -> Held:
    ledger.submit([make_submission("a")], batch=BATCH, lane=Lane.BACKFILL)
    (claim,) = ledger.claim([Lane.BACKFILL], window=9).jobs
    return ledger.begin_step(claim.job_id, claim.lease_token, claim.steps[0], run="run")


def line_of(opened: Session) -> str:
    return View(opened).line(opened.ledger.counts(BATCH))


def told_in_s(line: str, what: str) -> float:
    """Read how long from now that is which a line says as a time of the day."""
    found = re.search(rf"{what} (\d\d:\d\d:\d\d)", line)
    assert found, line
    now = datetime.now().astimezone()
    then = datetime.fromisoformat(f"{now:%Y-%m-%d}T{found[1]}{now:%z}")
    # A few minutes after midnight are meant when it is almost that.
    return ((then - now).total_seconds() + CLOSE_S) % 86_400 - CLOSE_S


def test_the_end_is_not_told_before_the_last_job_may_go_on(opened: Session) -> None:
    opened.ledger.postpone(held_by(opened.ledger), Wait(300.0, keep=False, costs_attempt=True, reason=REASON))

    line = line_of(opened)

    assert "0.00 of 3 requests/s, 0 dead" in line
    assert told_in_s(line, "done at") == pytest.approx(300, abs=CLOSE_S)


def test_the_end_is_told_from_the_moment_at_which_the_gate_opens(opened: Session) -> None:
    opened.ledger.submit(
        [make_submission(str(number)) for number in range(150)], batch=BATCH, lane=Lane.BACKFILL
    )
    opened.limiter.close_for(200.0, "The API's limit is reached")

    line = line_of(opened)

    assert line.startswith("gate closed since")
    assert told_in_s(line, "until") == pytest.approx(200, abs=CLOSE_S)
    assert told_in_s(line, "done at") > 200 + 300 / 3 - CLOSE_S


@pytest.mark.parametrize("close", [Limiter.close_unauthorized, Limiter.close_by_hand])
def test_no_end_is_told_where_nobody_knows_it(opened: Session, close: object) -> None:
    assert callable(close)
    opened.ledger.submit([make_submission("a")], batch=BATCH, lane=Lane.BACKFILL)
    close(opened.limiter, "for the test")

    assert "done" not in line_of(opened)


def test_the_limits_in_force_count_and_not_those_of_the_settings(opened: Session) -> None:
    opened.ledger.submit(
        [make_submission(str(number)) for number in range(50)], batch=BATCH, lane=Lane.BACKFILL
    )
    opened.limiter.set_limits({"requests_per_second": 0.5})

    line = line_of(opened)

    assert "of 0.5 requests/s" in line
    assert told_in_s(line, "done at") > 100 / 0.5 - CLOSE_S


def test_who_waits_for_a_worker_that_is_gone_is_told_until_when(opened: Session) -> None:
    ago = Ledger(
        opened.store, lease_ttl_s=LEASE_TTL_S, attempts_max=3, clock=lambda: time.time() - LEASE_TTL_S / 2
    )
    held_by(ago)

    line = line_of(opened)

    assert "waiting for 1 lease of a worker that is gone, until" in line
    assert told_in_s(line, "until") == pytest.approx(LEASE_TTL_S / 2, abs=CLOSE_S)
    assert told_in_s(line, "done at") == pytest.approx(told_in_s(line, "until"), abs=2)
