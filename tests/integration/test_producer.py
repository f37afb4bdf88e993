"""Handing recordings in: rows become jobs, in order, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pipeline.call import decode_call, encode_call
from pipeline.errors import ManifestUnreadable, MediaRefused, Problem
from pipeline.job import Claim, Lane, Reason, State, Step, Wait, job_id_of
from pipeline.ledger import SUBMIT_BUNDLE, KnownManifest, Ledger
from pipeline.limiter import Limiter, Limits, Slot
from pipeline.manifest import RejectedRow, Row, UncheckedRow, check_row
from pipeline.producer import Handed, Producer, Source
from pipeline.recording import submission_of
from pipeline.store import Store
from tests.integration.producing import (
    CALLS,
    hand_in,
    ledger_at,
    lines_of,
    make_rejected,
    make_row,
    manifests_of,
    producer_of,
    results_of,
)
from tests.recordings import make_call


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return ledger_at(store)


def test_a_row_becomes_a_pending_job_that_carries_what_was_given(ledger: Ledger) -> None:
    row = make_row("pbx-1", media="2026/1.wav", title="Näher dran")

    (handed,) = hand_in(ledger, row)

    assert isinstance(handed, Handed)
    assert handed.receipt.job_id == job_id_of("pbx-1")
    assert (handed.receipt.result, handed.receipt.state) == ("new", State.PENDING)
    (claim,) = ledger.claim([Lane.BACKFILL], window=1).jobs
    payload = ledger.begin_step(claim.job_id, claim.lease_token, Step.VALIDATE, run="run").payload
    assert payload.media == "2026/1.wav"
    assert '"title":' in payload.body
    assert payload.client_unique_id == "pbx-1"


def test_what_is_known_is_not_handed_in_again_however_its_fields_are_ordered(ledger: Ledger) -> None:
    row = make_row("pbx-1")
    turned = Row(line=9, call=dict(reversed(row.call.items())), media=row.media)

    assert results_of(hand_in(ledger, row, row)) == ["new", "known"]
    assert results_of(hand_in(ledger, turned, batch="another")) == ["known"]
    assert ledger.counts("calls").total == 1


def test_known_rows_say_in_which_batch_they_are(ledger: Ledger) -> None:
    hand_in(ledger, make_row("pbx-1"))

    (handed,) = hand_in(ledger, make_row("pbx-1"), batch="another")

    assert isinstance(handed, Handed)
    assert handed.receipt.batch == "calls"


@pytest.mark.parametrize("change", [{"title": "other"}, {"media": "b.wav"}])
def test_other_content_under_a_known_id_is_rejected_where_it_stands(
    ledger: Ledger, change: dict[str, Any]
) -> None:
    hand_in(ledger, make_row("pbx-1"))

    (rejected,) = hand_in(ledger, make_row("pbx-1", line=7, **change), batch="another")

    assert isinstance(rejected, RejectedRow)
    assert (rejected.line, rejected.client_unique_id, rejected.code) == (7, "pbx-1", "conflict")
    assert rejected.reason.startswith("clientUniqueId: is known with other content, in the batch 'calls'")
    assert "pbx-1" in rejected.raw


def test_rejected_rows_pass_through_in_their_place(ledger: Ledger) -> None:
    rows: list[Row | RejectedRow] = [
        make_rejected(1),
        make_row("a", line=2),
        make_rejected(3),
        make_row("b", line=4),
        make_rejected(5),
    ]

    handed = hand_in(ledger, *rows)

    assert [each.row.line if isinstance(each, Handed) else each.line for each in handed] == [1, 2, 3, 4, 5]
    assert ledger.counts("calls").pending == 2


def test_a_rejected_row_too_deep_to_be_written_is_kept_without_its_call(ledger: Ledger) -> None:
    text = '{"clientUniqueId": "a", "deep": ' + "[" * 600 + "1.50" + "]" * 600 + "}"
    problems = (Problem("deep", "is not a field of a call"),)
    rejected = UncheckedRow(1, decode_call(text), "a.wav", text.encode()).rejected("call_invalid", problems)

    assert results_of(hand_in(ledger, rejected, make_row("b", line=2))) == ["call_invalid", "new"]

    ((_, kept),) = manifests_of(ledger).rejected("calls")
    assert (kept.client_unique_id, kept.call) == ("a", None)


def test_a_manifest_of_rejected_rows_alone_hands_nothing_in(ledger: Ledger) -> None:
    assert results_of(hand_in(ledger, make_rejected())) == ["row_malformed"]
    assert ledger.counts("calls").total == 0


def test_a_long_manifest_is_handed_in_bundle_by_bundle_as_it_is_read(ledger: Ledger) -> None:
    read: list[int] = []

    def rows() -> Iterator[Row]:
        for number in range(3 * SUBMIT_BUNDLE):
            read.append(number)
            yield make_row(f"pbx-{number}", line=number)

    handed = producer_of(ledger).backfill(rows(), CALLS)
    next(handed)

    # one bundle is written, and one is read meanwhile
    assert len(read) == 2 * SUBMIT_BUNDLE
    assert ledger.counts("calls").pending >= SUBMIT_BUNDLE
    rest = list(handed)
    assert [each.row.line for each in rest if isinstance(each, Handed)] == list(range(1, 3 * SUBMIT_BUNDLE))
    assert ledger.counts("calls").pending == 3 * SUBMIT_BUNDLE


def test_live_recordings_go_to_their_own_lane(ledger: Ledger) -> None:
    list(producer_of(ledger, batch="crm", lane=Lane.LIVE).backfill([make_row("pbx-1")], CALLS))

    assert ledger.claim([Lane.BACKFILL], window=9).jobs == ()
    assert len(ledger.claim([Lane.LIVE], window=9).jobs) == 1


def test_every_row_is_kept_by_its_line_a_rejected_one_with_all_that_is_wrong(ledger: Ledger) -> None:
    rejected = RejectedRow(
        3, "pbx-3", "call_invalid", (Problem("title", "must be text"),), "{…}", make_call("pbx-3"), "c.wav"
    )

    hand_in(ledger, make_row("pbx-1", line=2), rejected, make_row("pbx-4", line=4))

    assert lines_of(ledger) == [("calls", 2, "pending"), ("calls", 3, "rejected"), ("calls", 4, "pending")]
    ((manifest, kept),) = manifests_of(ledger).rejected("calls")
    assert manifest.name == "calls"
    assert (kept.client_unique_id, kept.code, kept.reason) == ("pbx-3", "call_invalid", "title: must be text")
    assert (kept.row, kept.call, kept.media) == ("{…}", encode_call(make_call("pbx-3")), "c.wav")


def test_an_edited_row_updates_its_job_when_the_manifest_is_handed_in_again(ledger: Ledger) -> None:
    hand_in(ledger, make_row("pbx-1", line=2), make_row("pbx-2", line=3))

    handed = hand_in(ledger, make_row("pbx-1", line=2, title="Edited"), make_row("pbx-2", line=3))

    assert results_of(handed) == ["updated", "known"]
    assert ledger.counts("calls").pending == 2


def test_two_rows_of_a_manifest_that_differ_do_not_update_each_other(ledger: Ledger) -> None:
    handed = hand_in(ledger, make_row("pbx-1", line=2), make_row("pbx-1", line=3, title="Other"))

    assert results_of(handed) == ["new", "conflict"]
    assert isinstance(handed[1], RejectedRow)
    assert "an earlier row of this manifest" in handed[1].reason
    assert lines_of(ledger) == [("calls", 2, "pending"), ("calls", 3, "rejected")]


def test_a_corrected_row_takes_its_place_in_the_manifest_in_which_it_stood(ledger: Ledger) -> None:
    hand_in(ledger, make_row("pbx-1", line=2), make_rejected(3), make_rejected(4))
    replay: list[Row | RejectedRow] = [
        replace(make_row("pbx-3", line=3), line_here=2),
        replace(make_rejected(4), line_here=3),
    ]

    list(producer_of(ledger).backfill(replay, Source("calls", is_replay=True)))

    assert lines_of(ledger) == [("calls", 2, "pending"), ("calls", 3, "pending"), ("calls", 4, "rejected")]
    assert manifests_of(ledger).of("calls")[1].last_line == 4


def test_a_new_row_among_corrected_ones_takes_nobodys_place(ledger: Ledger) -> None:
    hand_in(ledger, make_row("pbx-1", line=2), make_row("pbx-2", line=3), make_rejected(4))
    replay: list[Row | RejectedRow] = [
        replace(make_row("pbx-4", line=4), line_here=2),
        make_row("pbx-5", line=3),
        make_rejected(2),
    ]

    list(producer_of(ledger).backfill(replay, Source("calls", is_replay=True)))

    assert lines_of(ledger) == [
        ("", 1, "pending"),
        ("calls", 2, "pending"),
        ("calls", 3, "pending"),
        ("calls", 4, "pending"),
    ]


def test_a_manifest_that_was_read_to_its_end_is_known_by_its_content(ledger: Ledger) -> None:
    rows = [make_row("pbx-1", line=2), make_row("pbx-2", line=3)]
    list(producer_of(ledger).backfill(rows, Source("calls", "abc")))

    def interrupted() -> Iterator[Row]:
        yield rows[0]
        raise ManifestUnreadable("the disk is gone")

    with pytest.raises(ManifestUnreadable):
        list(producer_of(ledger).backfill(interrupted(), Source("calls", "def")))

    (_, manifest) = manifests_of(ledger).of("calls")

    assert (manifest.fingerprint, manifest.last_line) == ("abc", 3)


def test_rejected_rows_that_are_right_now_are_requeued(ledger: Ledger) -> None:
    there: set[str] = set()

    def check_media(reference: str) -> None:
        if reference not in there:
            raise MediaRefused("media_missing", f"{reference} is not there")

    def check(row: UncheckedRow) -> Row | RejectedRow:
        return check_row(row, check_media)

    def rejected(line: int, media: str) -> RejectedRow:
        call = make_call(f"pbx-{line}")
        return RejectedRow(line, f"pbx-{line}", "media_missing", (), "raw", call, media)

    hand_in(ledger, make_row("pbx-1", line=2), rejected(3, "c.wav"), rejected(4, "d.wav"), make_rejected(5))
    there.add("d.wav")

    unseen = list(producer_of(ledger).requeue(lambda row: check_row(row, None), None))
    handed = list(producer_of(ledger).requeue(check, ()))

    assert results_of(unseen) == ["media_missing", "media_missing", "row_malformed"]
    assert results_of(handed) == ["media_missing", "new", "row_malformed"]
    assert [state for _, _, state in lines_of(ledger)] == ["pending", "rejected", "pending", "rejected"]
    assert ledger.counts("calls").rejected == 2
    again = list(producer_of(ledger).requeue(check, ()))
    assert results_of(again) == ["media_missing", "row_malformed"]


def test_a_row_that_its_map_could_not_make_into_a_call_is_not_requeued(ledger: Ledger) -> None:
    """The call has the text as it stands in the column, and might pass for one that means it."""
    found = Problem("primaryUser", "'199' is none of the words in its values")
    row = UncheckedRow(3, make_call("pbx-3", primaryUser="199"), "a.wav", b"raw", problems=(found,))
    rejected = check_row(row, None)
    assert isinstance(rejected, RejectedRow)
    hand_in(ledger, rejected)

    handed = list(producer_of(ledger).requeue(lambda row: check_row(row, None), ()))

    assert results_of(handed) == ["call_invalid"]
    assert isinstance(handed[0], RejectedRow)
    assert "is none of the words" in handed[0].reason


def test_where_media_lies_is_as_it_was_said_last_until_it_is_done(ledger: Ledger) -> None:
    def said(root: str, *rows: Row) -> list[str]:
        source = Source("calls", media_roots=(root,))
        return results_of(list(producer_of(ledger).backfill(rows, source)))

    first = said("/one", make_row("pbx-1", line=2), make_row("pbx-2", line=3))
    again = said("/two", make_row("pbx-2", line=3))

    assert (first, again) == (["new", "new"], ["known"])
    claims = ledger.claim([Lane.BACKFILL], window=9).jobs
    roots = {
        claim.job_id: ledger.begin_step(claim.job_id, claim.lease_token, Step.VALIDATE, run="1").payload.roots
        for claim in claims
    }
    assert roots == {job_id_of("pbx-1"): ("/one",), job_id_of("pbx-2"): ("/two",)}


def claimed_steps(ledger: Ledger) -> list[tuple[Step, ...]]:
    return [claim.steps for claim in ledger.claim([Lane.BACKFILL], window=9).jobs]


def said_by_link(ledger: Ledger, *names: str, links: bool, roots: tuple[str, ...]) -> list[str]:
    rows = [make_row(name, line=line) for line, name in enumerate(names, 1)]
    manifests = manifests_of(ledger)
    producer = Producer(ledger, manifests, batch="calls", may_link=lambda _: links)
    return results_of(list(producer.backfill(rows, Source("calls", media_roots=roots))))


@pytest.mark.parametrize("roots", [(), ("/one",)])
@pytest.mark.parametrize("first", [True, False])
def test_a_link_instead_of_an_upload_and_back_is_an_update_with_its_own_chain(
    ledger: Ledger, *, first: bool, roots: tuple[str, ...]
) -> None:
    said_by_link(ledger, "pbx-1", links=first, roots=roots)

    again = said_by_link(ledger, "pbx-1", links=not first, roots=roots)

    assert again == ["updated"]
    upload = (Step.UPLOAD_MEDIA,) if first else ()
    assert claimed_steps(ledger) == [(Step.VALIDATE, Step.CREATE_CALL, *upload)]
    assert said_by_link(ledger, "pbx-1", links=not first, roots=roots) == ["known"]


@pytest.mark.parametrize("roots", [(), ("/one",)])
@pytest.mark.parametrize("first", [True, False])
def test_whose_call_was_posted_keeps_its_upload_or_its_link(
    ledger: Ledger, *, first: bool, roots: tuple[str, ...]
) -> None:
    said_by_link(ledger, "pbx-1", links=first, roots=roots)
    (claim,) = ledger.claim([Lane.BACKFILL], window=9).jobs
    for step in (Step.VALIDATE, Step.CREATE_CALL)[: 1 if first else 2]:
        held = ledger.begin_step(claim.job_id, claim.lease_token, step, run=step)
        ledger.record_step(held, {"call_id": "1"} if step is Step.CREATE_CALL else {})
    if first:
        post(ledger, claim)

    assert said_by_link(ledger, "pbx-1", links=not first, roots=roots) == ["known"]

    last = claim.steps[-1]
    held = ledger.begin_step(claim.job_id, claim.lease_token, last, run="last")
    assert held.payload.is_linked is first
    ledger.record_step(held, {"call_id": "1"})
    assert ledger.counts("calls").done == 1


def post(ledger: Ledger, claim: Claim) -> None:
    """Bind the slot of its create: from then on it may be there."""
    held = ledger.begin_step(claim.job_id, claim.lease_token, Step.CREATE_CALL, run="posting")
    limiter = Limiter(ledger._store, Limits(10.0, 10_000, 0.01, 1, 0.0))
    while not isinstance(limiter.acquire(Lane.BACKFILL, held=held), Slot):
        pass
    ledger.postpone(held, Wait(0.0, keep=True, costs_attempt=False, reason=Reason("waits_second")))


def test_of_two_that_hand_the_same_manifest_in_at_once_none_loses_a_row(ledger: Ledger) -> None:
    rows = [make_row("pbx-1", line=1), make_row("pbx-1", line=2, title="another")]
    manifests = manifests_of(ledger)
    first, second = (manifests.open("calls", "calls") for _ in range(2))

    def said(manifest: KnownManifest, row: Row) -> str:
        submission = submission_of(row.call, row.media, line=row.line)
        (receipt,) = ledger.submit([submission], batch="calls", lane=Lane.BACKFILL, manifest=manifest)
        return receipt.result

    told = [said(first, rows[0]), said(second, rows[0]), said(first, rows[1]), said(second, rows[1])]

    assert told == ["new", "known", "conflict", "conflict"]
