"""Submitting: each recording becomes one job, however often it is handed in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import LeaseLost
from pipeline.job import Lane, Receipt, State, Step, job_id_of
from pipeline.ledger import SUBMIT_BUNDLE, Ledger, Manifests
from pipeline.payload import Payload
from tests.clocks import NOON_S
from tests.integration.ledger.bench import (
    BATCH,
    LEASE_TTL_S,
    REASON,
    Bench,
    make_submission,
    make_wait,
    names_of,
)


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
        "content": make_submission("a").content,
        "media": "1",
        "attempts": "0",
        "token": "0",
        "created_at": f"{NOON_S * 1000:.0f}",
        "seen": "0",
    }


def test_the_payload_comes_back_as_it_was_given(bench: Bench) -> None:
    payload = Payload('{"clientUniqueId": "a",\n "title": "Ünïcode \\u0000"}', "/media/a b\n.wav")
    bench.ledger.submit([make_submission("a")], batch=BATCH, lane=Lane.LIVE)
    bench.server.client.set(bench.key(f"payload:{job_id_of('a')}"), payload.encode())

    (claim,) = bench.claim()

    assert bench.begin(claim).payload == payload


def test_a_job_is_written_as_it_was_handed_in_whatever_its_name_is_made_of(bench: Bench) -> None:
    names = ["Zoë 💬", "a\nb\n3\n", "7"]
    bench.submit(*names)

    held = [bench.begin(claim) for claim in bench.claim(window=len(names))]

    assert [each.payload for each in held] == [make_submission(name).payload for name in names]


def test_each_of_a_bundle_gets_its_own_answer(bench: Bench) -> None:
    bench.submit("b", "e")

    receipts = bench.submit("a", "b", "c", "d", "e", "c", "f")

    assert [each.result for each in receipts] == ["new", "known", "new", "new", "known", "known", "new"]
    assert [each.job_id for each in receipts] == [job_id_of(name) for name in "abcdecf"]


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

    (receipt,) = bench.submit("a", media="b.wav", batch="another")

    assert receipt.result == "conflict"


def edit(bench: Bench, title: str = "Edited") -> Receipt:
    """Hand the recording in again, in its own batch, with other content."""
    manifest = Manifests(bench.store, clock=bench.clock).open(BATCH, "calls.csv")
    submissions = [make_submission("a", title=title, line=1)]
    (receipt,) = bench.ledger.submit(submissions, batch=BATCH, lane=Lane.BACKFILL, manifest=manifest)
    return receipt


def test_what_waits_is_updated_and_keeps_its_place(bench: Bench) -> None:
    bench.submit("a", "b")
    bench.clock.advance(5)

    receipt = edit(bench)

    assert (receipt.result, receipt.state, receipt.batch) == ("updated", State.PENDING, BATCH)
    assert (bench.ledger.counts(BATCH).total, bench.due_in_s()) == (2, -5)
    claim = bench.claim()[0]
    assert claim.job_id == job_id_of("a")
    assert bench.begin(claim).payload == make_submission("a", title="Edited").payload


def test_what_is_updated_is_validated_again(bench: Bench) -> None:
    held = bench.held("a", Step.CREATE_CALL)
    bench.ledger.postpone(held, make_wait(60))

    assert edit(bench).result == "updated"

    bench.clock.advance(60)
    assert [claim.steps for claim in bench.claim()] == [tuple(Step)]


def test_an_attempt_on_what_is_updated_sends_nothing(bench: Bench) -> None:
    held = bench.held("a", Step.CREATE_CALL)

    receipt = edit(bench)

    assert (receipt.result, receipt.state) == ("updated", State.PENDING)
    assert bench.is_woken()
    with pytest.raises(LeaseLost):
        bench.request(held)
    bench.clock.advance(0.001)
    (claim,) = bench.claim()
    assert claim.lease_token > held.lease_token
    assert bench.begin(claim).payload == make_submission("a", title="Edited").payload


def test_a_dead_letter_that_is_mended_waits_again(bench: Bench) -> None:
    held = bench.held("a", Step.CREATE_CALL)
    bench.request(held)
    bench.ledger.note_refusal(held)
    bench.ledger.bury(held, REASON)

    assert edit(bench).result == "updated"

    counts = bench.ledger.counts(BATCH)
    assert (counts.pending, counts.dead, bench.control.dead_letters(BATCH, most=9)) == (1, 0, [])
    assert "code" not in bench.job()
    bench.clock.advance(1)
    assert [claim.steps for claim in bench.claim()] == [tuple(Step)]


def test_content_of_unknown_fate_is_not_changed(bench: Bench) -> None:
    held = bench.held("a", Step.CREATE_CALL)
    bench.request(held)
    bench.ledger.bury(held, REASON)
    before = bench.job()

    assert edit(bench).result == "conflict"

    assert bench.job() == before


@pytest.mark.parametrize("step", [Step.CREATE_CALL, Step.UPLOAD_MEDIA])
def test_content_that_the_api_has_is_not_changed(bench: Bench, step: Step) -> None:
    bench.ledger.record_step(bench.held("a", step), {"call_id": "77", "bytes": "4"})
    before = bench.job()

    assert edit(bench).result == "conflict"
    assert edit(bench, title="Call").result == "known"

    assert bench.job() == before


def test_of_two_rows_of_one_manifest_the_first_stays(bench: Bench) -> None:
    manifest = Manifests(bench.store, clock=bench.clock).open(BATCH, "calls.csv")

    def hand_in(*titles: str) -> list[str]:
        submissions = [make_submission("a", title=title, line=line) for line, title in enumerate(titles, 1)]
        receipts = bench.ledger.submit(submissions, batch=BATCH, lane=Lane.BACKFILL, manifest=manifest)
        return [receipt.result for receipt in receipts]

    assert hand_in("Call", "Other") == ["new", "conflict"]
    assert hand_in("Call", "Other") == ["known", "conflict"]
    manifest = replace(manifest, handing_in=manifest.handing_in + 1)
    assert hand_in("Third", "Other", "Third") == ["updated", "conflict", "known"]


def test_who_comes_without_a_manifest_changes_nothing(bench: Bench) -> None:
    bench.submit("a")

    (receipt,) = bench.ledger.submit([make_submission("a", title="Other")], batch=BATCH, lane=Lane.LIVE)

    assert receipt.result == "conflict"


def test_a_newer_attempt_has_no_say_about_an_older_refusal(bench: Bench) -> None:
    held = bench.held("a", Step.CREATE_CALL)
    bench.request(held)
    bench.clock.advance(LEASE_TTL_S + 1)
    bench.claim()

    with pytest.raises(LeaseLost):
        bench.ledger.note_refusal(held)

    assert bench.job()["posted"] == "1"


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
