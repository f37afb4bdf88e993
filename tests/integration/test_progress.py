"""The progress of an upload, told by the lease of its step."""

from __future__ import annotations

import threading
import time

import pytest

from pipeline import lease as lease_module
from pipeline.errors import LeaseLost
from pipeline.job import Held, Lane
from pipeline.lease import Lease, Progress
from pipeline.store import Store
from tests.integration.test_lease import LONG_S, hold, make_ledger, never
from tests.servers import Server
from tests.waiting import await_true


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
        await_true(lambda: told, "something is told")
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
