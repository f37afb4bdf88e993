"""The lease of a running step, on a server whose time passes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

import pipeline.store
from pipeline import lease as lease_module
from pipeline.errors import LeaseLost, WorkerStopping
from pipeline.job import Held, Lane, Step
from pipeline.lease import SELF_HELP_S, Lease, Progress
from pipeline.ledger import Ledger
from pipeline.store import Store
from tests.integration.ledger.bench import BATCH, make_submission
from tests.servers import Server, running_server
from tests.waiting import await_true

LEASE_TTL_S = 0.6
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


def test_a_lease_is_kept_alive_while_its_step_runs(ledger: Ledger, server: Server, namespace: str) -> None:
    def ends_ms() -> float:
        return float(server.client.zscore(f"{namespace}:leases", held.job_id))

    held = hold(ledger)
    first_ms = ends_ms()

    with Lease(ledger, held, never) as lease:
        # Longer than one lease would have held.
        await_true(lambda: ends_ms() > first_ms + LEASE_TTL_S * 1000, "the lease was renewed again and again")
        lease.check()

    assert ledger.claim([Lane.LIVE], window=9).jobs == ()


def test_a_lease_that_another_attempt_has_is_noticed_and_stays_lost(ledger: Ledger, store: Store) -> None:
    with Lease(ledger, hold(ledger), never) as lease:
        lease.check()
        (rescue,) = make_ledger(store, ahead_s=LONG_S).claim([Lane.LIVE], window=9).jobs

        await_true(lambda: is_lost(lease), "the loss is noticed", within_s=5)

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


def test_an_upload_that_waits_for_its_answer_is_handed_back_for_later(ledger: Ledger) -> None:
    held = replace(hold(ledger), step=Step.UPLOAD_MEDIA)
    stopped_at = time.monotonic() - SELF_HELP_S

    with Lease(ledger, held, lambda: stopped_at):
        await_true(lambda: ledger.counts(BATCH).pending == 1, "the job was handed back")

        claims = ledger.claim([Lane.LIVE], window=9)
        assert claims.jobs == ()
        assert 0 < (claims.next_due_s or 0) <= LEASE_TTL_S


def test_nothing_renews_a_lease_after_its_step(ledger: Ledger) -> None:
    held = hold(ledger)
    with Lease(ledger, held, never) as lease:
        assert lease._heartbeat
        assert lease._heartbeat.is_alive()

    assert not lease._heartbeat.is_alive()


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that may be frozen, on which nobody waits long."""
    monkeypatch.setattr(pipeline.store, "ANSWER_TIMEOUT_S", 0.05)
    with running_server() as running:
        yield running
        running.thaw()


@pytest.fixture
def own_store(own_server: Server) -> Iterator[Store]:
    store = Store(own_server.url, "test", retries=0)
    yield store
    store.close()


def test_a_lease_that_cannot_be_renewed_runs_out(
    own_server: Server, own_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = make_ledger(own_store)
    with caplog.at_level(logging.WARNING), Lease(ledger, hold(ledger), never) as lease:
        own_server.freeze()
        began = time.monotonic()

        await_true(lambda: is_lost(lease), "the lease ran out", within_s=5)

        # It is not given up before it ends; the last renewal may be a third of a lease old.
        assert time.monotonic() - began >= LEASE_TTL_S / 2
        assert "could not be renewed" in caplog.text
        own_server.thaw()
        ledger.renew(lease.held)
        assert is_lost(lease)


def test_a_server_that_is_away_for_a_moment_costs_no_lease(
    own_server: Server, own_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = make_ledger(own_store, lease_ttl_s=1.5)
    with caplog.at_level(logging.WARNING), Lease(ledger, hold(ledger), never) as lease:
        began = time.monotonic()
        own_server.freeze()
        await_true(lambda: "could not be renewed" in caplog.text, "a renewal failed")
        own_server.thaw()

        await_true(lambda: time.monotonic() > began + 1.6, "the first lease would have ended")

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

        await_true(lambda: is_lost(lease), "the lease is given up")

    assert "refuses the script renew: WRONGTYPE" in caplog.text
    assert "is given up" in caplog.text


@pytest.fixture
def upload(store: Store, monkeypatch: pytest.MonkeyPatch) -> Held:
    """An upload under a lease that need not be renewed, whose progress is told at once."""
    monkeypatch.setattr(lease_module, "LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(lease_module, "PROGRESS_AFTER_S", 0.05)
    monkeypatch.setattr(lease_module, "PROGRESS_INTERVAL_S", 0.05)
    return hold(make_ledger(store, lease_ttl_s=LONG_S))


def test_progress_is_told_by_a_renewal_and_then_to_who_else_wants_to_know(store: Store, upload: Held) -> None:
    ledger = make_ledger(store, lease_ttl_s=LONG_S)
    told: list[Progress] = []
    (before,) = ledger.under_way()
    with Lease(ledger, upload, never, told.append) as lease:
        lease.check_progress(430, 1000)
        await_true(lambda: told, "it was told")

        (under_way,) = ledger.under_way()

    assert (before.sent_bytes, under_way.sent_bytes) == (None, 430)
    assert told == [Progress(upload, 430, 1000)]


def test_progress_renews_the_lease(store: Store, upload: Held, server: Server, namespace: str) -> None:
    def ends_ms() -> float:
        return float(server.client.zscore(f"{namespace}:leases", upload.job_id))

    first_ms = ends_ms()
    with Lease(make_ledger(store, lease_ttl_s=LONG_S), upload, never) as lease:
        lease.check_progress(430, 1000)

        await_true(lambda: ends_ms() > first_ms, "the lease was renewed long before a third of it was over")


def test_progress_is_told_a_hundredth_later_at_the_earliest(store: Store, upload: Held) -> None:
    told: list[int] = []
    ledger = make_ledger(store, lease_ttl_s=LONG_S)
    with Lease(ledger, upload, never, lambda progress: told.append(progress.sent_bytes)) as lease:
        lease.check_progress(100, 10_000)
        await_true(lambda: told == [100], "the first was told")
        for sent in range(101, 200):
            lease.check_progress(sent, 10_000)
            threading.Event().wait(0.002)
        assert told == [100]

        lease.check_progress(200, 10_000)
        await_true(lambda: told == [100, 200], "the next was told")


def test_progress_is_told_seldom_however_fast_it_goes(
    store: Store, upload: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    began = time.monotonic()
    ledger = make_ledger(store, lease_ttl_s=LONG_S)
    with Lease(ledger, upload, never, lambda _: told.append(time.monotonic())) as lease:
        for sent in range(1, 101):
            lease.check_progress(sent, 100)
            threading.Event().wait(0.004)
    ended = time.monotonic()

    # The first after 0.05 s, and then one each 0.05 s at most.
    assert 1 <= len(told) <= (ended - began) / 0.05
    assert told[0] - began >= 0.05


def test_progress_tells_at_once_that_the_lease_is_lost(store: Store, upload: Held) -> None:
    ledger = make_ledger(store, lease_ttl_s=LONG_S)
    with Lease(ledger, upload, never) as lease:
        make_ledger(store, ahead_s=2 * LONG_S).claim([Lane.LIVE], window=9)

        def go_on() -> bool:
            try:
                lease.check_progress(430, 1000)
            except LeaseLost:
                return True
            return False

        await_true(go_on, "the upload learned of it long before the lease was to be renewed")


def test_who_fails_at_being_told_ends_no_lease(
    store: Store, upload: Held, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Progress) -> None:
        raise ValueError("nobody listens")

    with Lease(make_ledger(store, lease_ttl_s=LONG_S), upload, never, fail) as lease:
        lease.check_progress(430, 1000)
        await_true(lambda: "could not be told" in caplog.text, "it failed")
        lease.check()
