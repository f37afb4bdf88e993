"""Who looks sees the jobs under way, and how far their uploads are."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import LeaseLost
from pipeline.job import Step, job_id_of
from pipeline.ledger import Ledger, UnderWay
from tests.integration.ledger.bench import BATCH, LEASE_TTL_S, Bench, make_wait

WORKER = "host-1:4711"


def row(name: str = "a", **overrides: Any) -> UnderWay:
    values: dict[str, Any] = {
        "job_id": job_id_of(name),
        "client_unique_id": name,
        "batch": BATCH,
        "step": Step.VALIDATE,
        "sent_bytes": None,
        "size_bytes": None,
        "since": None,
        "worker": "",
    }
    return UnderWay(**(values | overrides))


def test_a_job_that_waits_for_its_process_has_no_worker_yet(bench: Bench, ledger: Ledger) -> None:
    bench.claimed()

    assert ledger.under_way() == [row()]


def test_an_upload_is_told_with_its_bytes_and_its_worker(bench: Bench, ledger: Ledger) -> None:
    claim = bench.claimed()
    ledger.record_step(bench.begin(claim, Step.VALIDATE), {"size_bytes": "1000"})
    ledger.record_step(bench.begin(claim, Step.CREATE_CALL), {"call_id": "77"})
    bench.clock.advance(3)
    held = ledger.begin_step(claim.job_id, claim.lease_token, Step.UPLOAD_MEDIA, run="r", worker=WORKER)
    upload: dict[str, Any] = {
        "step": Step.UPLOAD_MEDIA,
        "size_bytes": 1000,
        "since": bench.clock.now_s,
        "worker": WORKER,
    }

    assert ledger.under_way() == [row(**upload)]

    bench.clock.advance(2)
    ledger.renew(held, sent_bytes=430)
    assert ledger.under_way() == [row(**upload, sent_bytes=430)]
    assert bench.lease_ends_in_s() == LEASE_TTL_S

    ledger.renew(held)
    assert ledger.under_way() == [row(**upload, sent_bytes=430)]


def test_what_an_earlier_attempt_sent_is_forgotten(bench: Bench, ledger: Ledger) -> None:
    held = bench.held(step=Step.UPLOAD_MEDIA)
    ledger.renew(held, sent_bytes=430)
    ledger.postpone(held, make_wait(5, keep=True))

    (waiting,) = ledger.under_way()
    assert (waiting.sent_bytes, waiting.since, waiting.worker) == (None, None, "")

    ledger.begin_step(held.job_id, held.lease_token, Step.UPLOAD_MEDIA, run="again", worker=WORKER)
    (again,) = ledger.under_way()
    assert (again.sent_bytes, again.worker) == (None, WORKER)


def test_who_lost_the_lease_tells_nothing(bench: Bench, ledger: Ledger) -> None:
    held = bench.held(step=Step.UPLOAD_MEDIA)
    bench.clock.advance(LEASE_TTL_S + 1)
    (rescue,) = bench.claim()
    bench.begin(rescue, Step.UPLOAD_MEDIA)

    with pytest.raises(LeaseLost):
        ledger.renew(held, sent_bytes=430)

    assert [each.sent_bytes for each in ledger.under_way()] == [None]


def test_only_jobs_under_a_living_lease_are_under_way(bench: Bench, ledger: Ledger) -> None:
    bench.bring_in("done")
    ledger.postpone(bench.held("later"), make_wait(60))
    bench.held("silent")
    bench.clock.advance(LEASE_TTL_S + 1)
    bench.submit("pending")

    assert ledger.under_way() == []


def test_what_tells_of_an_attempt_does_not_outlive_it(bench: Bench, ledger: Ledger) -> None:
    held = bench.held(step=Step.UPLOAD_MEDIA)
    ledger.renew(held, sent_bytes=430)

    ledger.postpone(held, make_wait(60))

    assert bench.job().keys().isdisjoint({"run", "worker", "begun_at", "sent_bytes"})


def test_no_more_are_listed_than_were_asked_for(bench: Bench, ledger: Ledger) -> None:
    bench.submit(*(f"job-{number}" for number in range(9)))
    bench.claim()

    assert len(ledger.under_way()) == 9
    assert len(ledger.under_way(most=4)) == 4


def test_a_job_of_a_newer_version_is_listed_without_its_name(bench: Bench, ledger: Ledger) -> None:
    claim = bench.claimed()
    bench.server.client.set(bench.key(f"payload:{claim.job_id}"), "9\n?")

    assert ledger.under_way() == [row(client_unique_id="")]
