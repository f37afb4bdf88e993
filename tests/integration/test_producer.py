"""Handing recordings in: rows become jobs, in order, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.job import Lane, State, Step, job_id_of
from pipeline.ledger import SUBMIT_BUNDLE, Ledger
from pipeline.manifest import RejectedRow, Row
from pipeline.producer import Handed, Producer
from pipeline.store import Store
from tests.recordings import make_call


def make_row(name: str, *, line: int = 1, media: str | None = "a.wav", **overrides: Any) -> Row:
    return Row(line=line, call=make_call(name, **overrides), media=media)


def make_rejected(line: int = 1) -> RejectedRow:
    return RejectedRow(line=line, client_unique_id=None, code="row_malformed", problems=(), raw="{")


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store, lease_ttl_s=30.0, attempts_max=3)


def hand_in(ledger: Ledger, *rows: Row | RejectedRow, batch: str = "calls") -> list[Handed | RejectedRow]:
    return list(Producer(ledger, batch=batch).backfill(rows))


def results_of(handed: list[Handed | RejectedRow]) -> list[str]:
    return [each.receipt.result if isinstance(each, Handed) else each.code for each in handed]


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


def test_a_manifest_of_rejected_rows_alone_hands_nothing_in(ledger: Ledger) -> None:
    assert results_of(hand_in(ledger, make_rejected())) == ["row_malformed"]
    assert ledger.counts("calls").total == 0


def test_a_long_manifest_is_handed_in_bundle_by_bundle_as_it_is_read(ledger: Ledger) -> None:
    read: list[int] = []

    def rows() -> Iterator[Row]:
        for number in range(SUBMIT_BUNDLE + 5):
            read.append(number)
            yield make_row(f"pbx-{number}", line=number)

    handed = Producer(ledger, batch="calls").backfill(rows())
    next(handed)

    assert len(read) == SUBMIT_BUNDLE
    assert ledger.counts("calls").pending == SUBMIT_BUNDLE
    rest = list(handed)
    assert [each.row.line for each in rest if isinstance(each, Handed)] == list(range(1, SUBMIT_BUNDLE + 5))
    assert ledger.counts("calls").pending == SUBMIT_BUNDLE + 5


def test_live_recordings_go_to_their_own_lane(ledger: Ledger) -> None:
    list(Producer(ledger, batch="crm", lane=Lane.LIVE).backfill([make_row("pbx-1")]))

    assert ledger.claim([Lane.BACKFILL], window=9).jobs == ()
    assert len(ledger.claim([Lane.LIVE], window=9).jobs) == 1
