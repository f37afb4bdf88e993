"""Submitting: each recording becomes one job, however often it is handed in."""

from __future__ import annotations

import pytest

from pipeline.job import Lane, Payload, State, job_id_of
from pipeline.ledger import SUBMIT_BUNDLE, Ledger
from tests.clocks import NOON_S
from tests.integration.ledger.bench import BATCH, Bench, make_submission, names_of


def test_a_new_job_waits_with_all_that_it_needs(bench: Bench) -> None:
    (receipt,) = bench.submit("a")

    assert (receipt.job_id, receipt.result) == (job_id_of("a"), "new")
    assert (receipt.state, receipt.batch) == (State.PENDING, BATCH)
    assert bench.due_in_s() == 0
    assert bench.job() == {
        "state": "pending",
        "step": "",
        "batch": BATCH,
        "lane": "backfill",
        "content": make_submission("a").payload.content_hash,
        "media": "1",
        "attempts": "0",
        "token": "0",
        "created_at": f"{NOON_S * 1000:.0f}",
    }


def test_the_payload_comes_back_as_it_was_given(bench: Bench) -> None:
    payload = Payload('{"clientUniqueId": "a",\n "title": "Ünïcode \\u0000"}', "/media/a b\n.wav")
    bench.ledger.submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)
    bench.server.client.set(bench.key(f"payload:{job_id_of('a')}"), payload.encode())

    (claim,) = bench.claim()

    assert bench.begin(claim).payload == payload


def test_the_same_recording_again_is_known_and_changes_nothing(bench: Bench) -> None:
    bench.submit("a")
    before = bench.job()
    bench.clock.advance(10)

    (receipt,) = bench.submit("a", batch="another", lane=Lane.LIVE)

    assert (receipt.result, receipt.batch) == ("known", BATCH)
    assert bench.job() == before
    assert [counts.batch for counts in bench.ledger.batches()] == [BATCH]


def test_another_content_under_the_same_name_is_a_conflict_and_changes_nothing(bench: Bench) -> None:
    bench.submit("a")
    before = bench.job()

    (receipt,) = bench.ledger.submit([make_submission("a", title="Other")], batch="another", lane=Lane.LIVE)

    assert (receipt.result, receipt.state, receipt.batch) == ("conflict", State.PENDING, BATCH)
    assert bench.job() == before


def test_other_media_is_another_content(bench: Bench) -> None:
    bench.submit("a", media="a.wav")

    (receipt,) = bench.submit("a", media="b.wav")

    assert receipt.result == "conflict"


def test_a_receipt_tells_the_state_that_the_job_has_reached(bench: Bench) -> None:
    bench.bring_in("a")

    (receipt,) = bench.submit("a")

    assert (receipt.result, receipt.state) == ("known", State.DONE)


def test_the_same_recording_twice_in_a_bundle_is_one_job(bench: Bench) -> None:
    assert [receipt.result for receipt in bench.submit("a", "a")] == ["new", "known"]
    assert bench.ledger.counts(BATCH).pending == 1


def test_bundles_keep_the_order_of_receipts_and_of_jobs(bench: Bench) -> None:
    names = [f"recording-{number}" for number in range(2 * SUBMIT_BUNDLE + 1)]

    receipts = bench.submit(*names)

    assert names_of(receipts, names) == names
    assert bench.ledger.counts(BATCH).pending == len(names)
    bench.clock.advance(1)
    claimed = names_of(bench.claim(window=len(names)), names)
    # Bundles of one moment are mixed, since they are due at the same time; each of them is in order.
    for start in range(0, len(names), SUBMIT_BUNDLE):
        bundle = names[start : start + SUBMIT_BUNDLE]
        assert [name for name in claimed if name in bundle] == bundle


def test_a_later_bundle_comes_after_an_earlier_one(bench: Bench) -> None:
    early, late = [f"early-{n}" for n in range(20)], [f"late-{n}" for n in range(20)]
    bench.submit(*early)
    bench.clock.advance(0.001)
    bench.submit(*late)
    bench.clock.advance(1)

    assert names_of(bench.claim(), early + late) == early + late


def test_nothing_submitted_makes_no_batch(ledger: Ledger) -> None:
    assert ledger.submit([], batch=BATCH, lane=Lane.LIVE) == []
    assert ledger.batches() == []


@pytest.mark.parametrize(("media", "steps"), [("a.wav", 3), (None, 2)])
def test_a_job_without_media_has_no_upload_to_do(bench: Bench, media: str | None, steps: int) -> None:
    assert len(bench.claimed(media=media).steps) == steps


def test_a_dispatcher_is_told_of_new_jobs_only(bench: Bench) -> None:
    bench.submit("a")
    assert bench.is_woken()

    bench.submit("a")
    assert not bench.is_woken()
