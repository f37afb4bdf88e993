"""Rows of manifests: what each one became, in its order, and how it is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.job import Counts, Lane, Receipt, Step, job_id_of
from pipeline.ledger import KnownManifest, Manifests, Record, Rejected
from pipeline.ledger.manifests import CHUNK_LINES
from tests.clocks import NOON_S
from tests.integration.ledger.bench import BATCH, REASON, Bench, make_submission

SHA256 = "5d7963c4f471e142f5a72214" + "0" * 40
URL = "https://app.gong.io/call?id=77"
DETAILS = {"bytes": "512", "sha256": SHA256, "url": URL}


@pytest.fixture
def manifests(bench: Bench) -> Manifests:
    return Manifests(bench.store, clock=bench.clock)


@pytest.fixture
def manifest(manifests: Manifests) -> KnownManifest:
    return manifests.open(BATCH, "calls.csv")


def hand_in(bench: Bench, manifest: KnownManifest, batch: str = BATCH, **lines: int) -> list[Receipt]:
    """Hand recordings in, each with the line on which it stands."""
    submissions = [make_submission(name, line=line) for name, line in lines.items()]
    return bench.ledger.submit(submissions, batch=batch, lane=Lane.BACKFILL, manifest=manifest)


def make_rejected(line: int, **overrides: Any) -> Rejected:
    fields: dict[str, Any] = {
        "client_unique_id": "bad",
        "code": "call_invalid",
        "reason": "it is wrong",
        "row": "bad,1",
    }
    return Rejected(line=line, **(fields | overrides))


def lines_of(manifests: Manifests, batch: str = BATCH) -> list[tuple[str, int, str | None, str]]:
    return [
        (each.manifest, each.line, each.client_unique_id, each.state) for each in manifests.records(batch)
    ]


def test_each_row_is_told_in_the_order_of_lines(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    far = 3 * CHUNK_LINES
    hand_in(bench, manifest, c=far, a=2, b=10)
    manifests.reject(BATCH, manifest, [make_rejected(11), make_rejected(3)])

    assert lines_of(manifests) == [
        ("calls.csv", 2, "a", "pending"),
        ("calls.csv", 3, "bad", "rejected"),
        ("calls.csv", 10, "b", "pending"),
        ("calls.csv", 11, "bad", "rejected"),
        ("calls.csv", far, "c", "pending"),
    ]
    assert bench.ledger.counts(BATCH).rejected == 2


def test_a_done_job_is_told_with_all_that_is_known_of_it(bench: Bench, manifests: Manifests) -> None:
    bench.clock.advance(0.75)
    held = bench.held("a", Step.UPLOAD_MEDIA)
    bench.clock.advance(10)
    bench.ledger.record_step(held, DETAILS)

    assert list(manifests.records(BATCH)) == [
        Record(
            line=1,
            client_unique_id="a",
            state="done",
            batch=BATCH,
            job_id=job_id_of("a"),
            call_id="77",
            url=URL,
            bytes=512,
            sha256=SHA256,
            accepted_at=NOON_S,
            ended_at=NOON_S + 10,
        )
    ]


@pytest.mark.parametrize("call_id", ["5", "12345678901234567890"])
def test_addresses_of_calls_differ_by_their_ids(bench: Bench, manifests: Manifests, call_id: str) -> None:
    for name, address in (("a", "https://app.gong.io/call?id={}"), ("b", "https://other.gong.io/{}/")):
        claim = bench.claimed(name)
        bench.ledger.record_step(bench.begin(claim, Step.VALIDATE))
        bench.ledger.record_step(bench.begin(claim, Step.CREATE_CALL), {"call_id": call_id})
        bench.ledger.record_step(bench.begin(claim, Step.UPLOAD_MEDIA), {"url": address.format(call_id)})

    found = [(each.call_id, each.url) for each in manifests.records(BATCH)]

    assert found == [
        (call_id, f"https://app.gong.io/call?id={call_id}"),
        (call_id, f"https://other.gong.io/{call_id}/"),
    ]


def test_a_done_job_keeps_its_failed_attempts_and_who_made_its_call(
    bench: Bench, manifests: Manifests
) -> None:
    held = bench.held("a", Step.CREATE_CALL, media=None)
    bench.server.client.hset(bench.key(f"job:{job_id_of('a')}"), "attempts", 2)
    bench.ledger.record_step(held, {"call_id": "5", "adopted": "1"})

    (record,) = manifests.records(BATCH)

    assert (record.attempts, record.adopted, record.call_id) == (2, True, "5")
    assert (record.bytes, record.sha256, record.url) == (None, None, None)
    assert bench.ledger.counts(BATCH).adopted == 1


def test_nothing_is_kept_of_a_done_job_but_what_is_told(bench: Bench) -> None:
    held = bench.held("a", Step.UPLOAD_MEDIA)
    bench.ledger.record_step(held, DETAILS)

    assert bench.job().keys() == {"state", "batch", "content", "call_id", "n", "h", "z", "t", "d"}
    assert not bench.server.client.exists(bench.key(f"payload:{job_id_of('a')}"))
    encoding = bench.server.client.object("encoding", bench.key(f"job:{job_id_of('a')}"))
    # as Redis 6.2 called it
    assert encoding in {"listpack", "ziplist"}


def test_a_dead_letter_is_told_with_its_reason(bench: Bench, manifests: Manifests) -> None:
    held = bench.held("a", Step.CREATE_CALL)
    bench.clock.advance(7)
    bench.ledger.bury(held, REASON)

    (record,) = manifests.records(BATCH)

    assert (record.state, record.step, record.client_unique_id) == ("dead", "create_call", "a")
    assert (record.code, record.reason, record.request_id) == REASON
    assert (record.accepted_at, record.ended_at) == (NOON_S, NOON_S + 7)


def test_a_rejected_row_comes_back_as_it_was_kept(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    kept = [
        make_rejected(2, row='"half, 👩 \udcff', client_unique_id=None),
        make_rejected(3, call='{"clientUniqueId":"a"}', media="a.wav", at=NOON_S),
    ]

    manifests.reject(BATCH, manifest, kept)

    assert list(manifests.rejected(BATCH)) == [(manifests.of(BATCH)[1], each) for each in kept]


def test_a_row_that_was_mended_is_no_rejected_one_any_more(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    manifests.reject(BATCH, manifest, [make_rejected(2), make_rejected(3)])

    hand_in(bench, manifest, a=2)

    assert lines_of(manifests) == [("calls.csv", 2, "a", "pending"), ("calls.csv", 3, "bad", "rejected")]
    assert [row.line for _, row in manifests.rejected(BATCH)] == [3]
    assert bench.ledger.counts(BATCH).rejected == 1


def test_a_row_that_another_batch_has_is_told_with_it(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    bench.submit("a", batch="earlier")

    hand_in(bench, manifest, a=2)

    assert [(each.line, each.batch, each.state) for each in manifests.records(BATCH)] == [
        (2, "earlier", "pending")
    ]


@pytest.mark.parametrize("own_address", [None, "https://own.gong.io/calls/{}"])
def test_a_call_of_another_batch_has_the_address_of_that_batch(
    bench: Bench, manifests: Manifests, manifest: KnownManifest, own_address: str | None
) -> None:
    earlier = bench.held("a", Step.UPLOAD_MEDIA, batch="earlier")
    bench.ledger.record_step(earlier, DETAILS)
    hand_in(bench, manifest, a=2)
    if own_address:
        claim = bench.claimed("b")
        bench.ledger.record_step(bench.begin(claim, Step.VALIDATE))
        bench.ledger.record_step(bench.begin(claim, Step.CREATE_CALL), {"call_id": "9"})
        bench.ledger.record_step(bench.begin(claim, Step.UPLOAD_MEDIA), {"url": own_address.format("9")})

    found = {each.client_unique_id: each.url for each in manifests.records(BATCH)}

    assert found == {"a": URL} | ({"b": own_address.format("9")} if own_address else {})


def test_a_conflict_takes_no_row(bench: Bench, manifests: Manifests, manifest: KnownManifest) -> None:
    bench.ledger.submit([make_submission("a", title="Other")], batch="earlier", lane=Lane.LIVE)

    assert [receipt.result for receipt in hand_in(bench, manifest, a=2)] == ["conflict"]

    assert lines_of(manifests) == []


def test_jobs_without_a_manifest_are_told_as_they_came(bench: Bench, manifests: Manifests) -> None:
    bench.submit("b", "a")
    bench.submit("a", "c")

    assert lines_of(manifests) == [("", 1, "b", "pending"), ("", 2, "a", "pending"), ("", 3, "c", "pending")]


def test_two_manifests_of_a_batch_have_lines_of_their_own(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    other = manifests.open(BATCH, "more.csv")
    hand_in(bench, manifest, a=2)
    hand_in(bench, other, b=2)

    assert lines_of(manifests) == [("calls.csv", 2, "a", "pending"), ("more.csv", 2, "b", "pending")]


def test_a_manifest_is_known_again_by_its_name(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    assert (manifest.fingerprint, manifest.read_at) == ("", None)
    hand_in(bench, manifest, a=2, b=3)
    bench.clock.advance(5)
    manifests.close(BATCH, manifest, fingerprint="abc", last_line=3)

    again = manifests.open(BATCH, "calls.csv")

    assert (again.number, again.fingerprint, again.read_at) == (manifest.number, "abc", NOON_S + 5)
    assert manifests.open("other", "calls.csv").fingerprint == ""


def test_lines_that_a_manifest_lost_are_forgotten_at_its_end(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    hand_in(bench, manifest, a=2, b=300, c=301, d=2000)
    manifests.reject(BATCH, manifest, [make_rejected(1999)])

    assert manifests.close(BATCH, manifest, fingerprint="f", last_line=300) == 3

    assert [line for _, line, _, _ in lines_of(manifests)] == [2, 300]
    counts = bench.ledger.counts(BATCH)
    assert (counts.pending, counts.rejected) == (4, 0)


def test_what_is_finished_is_forgotten_and_the_rest_stays(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    bench.bring_in("a")
    bench.submit("b", batch="elsewhere")
    hand_in(bench, manifest, a=2, b=3, c=4)

    assert manifests.forget(BATCH) == 1

    assert not bench.job("a")
    assert lines_of(manifests) == [("calls.csv", 4, "c", "pending")]
    assert bench.job("b")["state"] == "pending"
    counts = bench.ledger.counts(BATCH)
    assert (counts.pending, counts.done, counts.created, counts.uploaded) == (1, 0, 0, 0)


def test_a_forgotten_job_whose_call_was_there_before_is_counted_so_no_more(
    bench: Bench, manifests: Manifests
) -> None:
    there_before = {"call_id": "7", "adopted": "1"}
    for name, details in {"a": there_before, "b": {"call_id": "8"}, "c": there_before}.items():
        claim = bench.claimed(name)
        for step, recorded in zip(Step, ({}, details, DETAILS), strict=True):
            if (name, step) != ("c", Step.UPLOAD_MEDIA):
                bench.ledger.record_step(bench.begin(claim, step), recorded)

    assert manifests.forget(BATCH) == 2

    counts = bench.ledger.counts(BATCH)
    assert (counts.active, counts.created, counts.adopted) == (1, 1, 1)


def test_a_batch_without_jobs_is_forgotten_without_a_trace(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    bench.bring_in("a")
    hand_in(bench, manifest, a=2)
    manifests.reject(BATCH, manifest, [make_rejected(999)])

    assert manifests.forget(BATCH) == 1
    assert bench.ledger.counts(BATCH).rejected == 1
    assert manifests.forget(BATCH, rejected=True) == 0

    assert bench.ledger.counts(BATCH) == Counts(BATCH)
    assert bench.ledger.batches() == []
    # what was counted is the fleet's, not the batch's
    bench.server.client.delete(bench.key("wake"), bench.key("totals"))
    assert list(bench.server.client.scan_iter(match=bench.key("*"))) == []


def test_a_finished_job_whose_row_is_gone_is_forgotten_as_well(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    hand_in(bench, manifest, a=2, b=3)
    manifests.close(BATCH, manifest, fingerprint="f", last_line=1)
    bench.clock.advance(1)
    for claim in bench.claim():
        for step, details in zip(Step, ({}, {"call_id": "7"}, DETAILS), strict=True):
            bench.ledger.record_step(bench.begin(claim, step), details)

    assert manifests.forget(BATCH) == 2

    assert bench.ledger.batches() == []


def test_a_row_whose_job_was_forgotten_by_its_batch_says_so(
    bench: Bench, manifests: Manifests, manifest: KnownManifest
) -> None:
    bench.bring_in("a", batch="earlier")
    hand_in(bench, manifest, a=2)

    manifests.forget("earlier")

    assert [(each.line, each.state) for each in manifests.records(BATCH)] == [(2, "forgotten")]
