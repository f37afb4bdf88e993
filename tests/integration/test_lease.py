"""The lease of a running step, on a server whose time passes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline import heart
from pipeline import lease as lease_module
from pipeline.errors import LeaseLost, WorkerStopping
from pipeline.job import Held, Lane, Step
from pipeline.lease import SELF_HELP_S, Lease
from pipeline.ledger import Ledger
from pipeline.store import Store
from tests.integration.ledger.bench import BATCH, make_submission
from tests.servers import Server, running_server
from tests.waiting import await_true

LEASE_TTL_S = 3.0
LONG_S = 60.0


def make_ledger(store: Store, *, lease_ttl_s: float = LEASE_TTL_S, ahead_s: float = 0.0) -> Ledger:
    """Open the ledger on the clock of this machine, or ahead of it."""
    return Ledger(store, lease_ttl_s=lease_ttl_s, attempts_max=9, clock=lambda: time.time() + ahead_s)


def hold(ledger: Ledger) -> Held:
    ledger.submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)
    (claim,) = ledger.claim([Lane.LIVE], window=1).jobs
    return ledger.begin_step(claim.job_id, claim.lease_token, Step.VALIDATE, run="run")


def never() -> None:
    """Nobody asks to stop."""


def is_lost(lease: Lease) -> bool:
    try:
        lease.check()
    except LeaseLost:
        return True
    return False


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return make_ledger(store)


def test_a_lease_is_kept_alive_while_its_step_runs(store: Store, server: Server, namespace: str) -> None:
    def ends_ms() -> float:
        return float(server.client.zscore(f"{namespace}:leases", held.job_id))

    ledger = make_ledger(store, lease_ttl_s=6.0)
    held = hold(ledger)
    first_ms = ends_ms()

    with Lease(ledger, held, never) as lease:
        # Longer than one lease would have held.
        await_true(lambda: ends_ms() > first_ms + 6000, "the lease was renewed", within_s=60)
        lease.check()

        assert ledger.claim([Lane.LIVE], window=9).jobs == ()


def test_a_lease_that_another_attempt_has_is_noticed_and_stays_lost(ledger: Ledger, store: Store) -> None:
    with Lease(ledger, hold(ledger), never) as lease:
        lease.check()
        (rescue,) = make_ledger(store, ahead_s=LONG_S).claim([Lane.LIVE], window=9).jobs

        await_true(lambda: is_lost(lease), "the loss is noticed", within_s=30)

        assert rescue.rescued
        with pytest.raises(LeaseLost, match="was lost while it was worked on"):
            lease.check()
        with pytest.raises(LeaseLost):
            lease.check_before_wait()


def test_a_sleep_ends_when_the_lease_is_lost(ledger: Ledger, store: Store) -> None:
    with Lease(ledger, hold(ledger), never) as lease:
        make_ledger(store, ahead_s=LONG_S).claim([Lane.LIVE], window=9)
        began = time.monotonic()

        with pytest.raises(LeaseLost):
            lease.sleep(LONG_S)

        assert time.monotonic() - began < LONG_S / 2


def test_a_sleep_under_a_lease_takes_its_time(ledger: Ledger) -> None:
    with Lease(ledger, hold(ledger), never) as lease:
        began = time.monotonic()
        lease.sleep(0.02)

        assert time.monotonic() - began >= 0.02


def test_a_step_that_waits_for_an_answer_beyond_the_grace_is_relieved_of_its_job(ledger: Ledger) -> None:
    stopped_at = time.monotonic() - SELF_HELP_S

    with Lease(ledger, hold(ledger), lambda: stopped_at) as lease:
        # The step itself asks nothing: it waits for the API.
        await_true(lambda: ledger.counts(BATCH).pending == 1, "the job was handed back")

        assert is_lost(lease)
        assert len(ledger.claim([Lane.LIVE], window=9).jobs) == 1


def test_an_upload_that_waits_for_its_answer_is_handed_back_for_later(store: Store) -> None:
    ledger = make_ledger(store, lease_ttl_s=LONG_S)
    held = replace(hold(ledger), step=Step.UPLOAD_MEDIA)
    stopped_at = time.monotonic() - SELF_HELP_S

    with Lease(ledger, held, lambda: stopped_at):
        await_true(lambda: ledger.counts(BATCH).pending == 1, "the job was handed back")

        claims = ledger.claim([Lane.LIVE], window=9)
        assert claims.jobs == ()
        assert 0 < (claims.next_due_s or 0) <= LONG_S


def test_nothing_renews_a_lease_after_its_step(ledger: Ledger) -> None:
    held = hold(ledger)
    with Lease(ledger, held, never) as lease:
        assert lease._beating
        assert lease._beating in heart._heart._beating

    assert lease._beating not in heart._heart._beating


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that may be frozen."""
    with running_server() as running:
        yield running
        running.thaw()


@pytest.fixture
def patient_store(own_server: Server) -> Iterator[Store]:
    """The way to it for all but the lease that is looked at: a slow machine is no server that is away."""
    store = Store(own_server.url, "test")
    yield store
    store.close()


@pytest.fixture
def hasty_store(own_server: Server) -> Iterator[Store]:
    store = Store(own_server.url, "test", retries=0, answer_within_s=1.0)
    yield store
    store.close()


def test_a_lease_that_cannot_be_renewed_runs_out(
    own_server: Server, patient_store: Store, hasty_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = make_ledger(patient_store)
    held = hold(ledger)
    began = time.monotonic()
    with (
        caplog.at_level(logging.WARNING),
        Lease(make_ledger(hasty_store, lease_ttl_s=1.0), held, never) as lease,
    ):
        own_server.freeze()

        await_true(lambda: is_lost(lease), "the lease ran out")

        # It is not given up before it ends.
        assert time.monotonic() - began >= 1.0
        await_true(lambda: "could not be renewed" in caplog.text, "a renewal failed")
        own_server.thaw()
        ledger.renew(lease.held)
        assert is_lost(lease)


def test_a_server_that_is_away_for_a_moment_costs_no_lease(
    own_server: Server,
    patient_store: Store,
    hasty_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Looked after often, so that the second renewal has as long for its answer as it may wait for it.
    monkeypatch.setattr(lease_module, "LOOK_INTERVAL_S", 0.05)
    ttl_s = 12.0
    held = hold(make_ledger(patient_store))
    with (
        caplog.at_level(logging.WARNING),
        Lease(make_ledger(hasty_store, lease_ttl_s=ttl_s), held, never) as lease,
    ):
        first_ends = time.monotonic() + ttl_s
        own_server.freeze()
        await_true(lambda: "could not be renewed" in caplog.text, "a renewal failed")
        own_server.thaw()

        await_true(lambda: time.monotonic() > first_ends, "the first lease would have ended")

        lease.check()


def test_work_goes_on_until_the_grace_of_a_stopping_worker_is_over(ledger: Ledger) -> None:
    stop_by: list[float | None] = [None]
    with Lease(ledger, hold(ledger), lambda: stop_by[0]) as lease:
        lease.check_before_wait()

        stop_by[0] = time.monotonic() + LONG_S
        lease.check()
        with pytest.raises(WorkerStopping, match="before its request"):
            lease.check_before_wait()

        stop_by[0] = time.monotonic() - 0.001
        with pytest.raises(WorkerStopping, match="is handed back"):
            lease.check()


def test_a_renewal_that_is_refused_for_good_gives_the_lease_up(
    ledger: Ledger, server: Server, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), Lease(ledger, hold(ledger), never) as lease:
        server.client.set(f"{namespace}:leases", "somebody else's")

        await_true(lambda: "is given up" in caplog.text, "the lease is given up")
        assert is_lost(lease)

    assert "refuses the script renew: WRONGTYPE" in caplog.text
