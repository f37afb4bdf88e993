"""Rows that are handed in, and what came of them."""

from __future__ import annotations

import json
from typing import Any

from pipeline.job import Lane
from pipeline.ledger import Ledger, Manifests
from pipeline.manifest import RejectedRow, Row
from pipeline.producer import Handed, Producer, Source
from pipeline.store import Store
from tests.recordings import make_call

CALLS = Source("calls")


def ledger_at(store: Store) -> Ledger:
    return Ledger(store, lease_ttl_s=30.0, attempts_max=3)


def make_row(name: str, *, line: int = 1, media: str | None = "a.wav", **overrides: Any) -> Row:
    call = make_call(name, **overrides)
    return Row(line=line, call=call, media=media, original=json.dumps(call).encode())


def make_rejected(line: int = 1) -> RejectedRow:
    return RejectedRow(line=line, client_unique_id=None, code="row_malformed", problems=(), raw="{")


def producer_of(ledger: Ledger, *, batch: str = "calls", lane: Lane = Lane.BACKFILL) -> Producer:
    return Producer(ledger, Manifests(ledger._store), batch=batch, lane=lane)


def hand_in(ledger: Ledger, *rows: Row | RejectedRow, batch: str = "calls") -> list[Handed | RejectedRow]:
    return list(producer_of(ledger, batch=batch).backfill(rows, CALLS))


def results_of(handed: list[Handed | RejectedRow]) -> list[str]:
    return [each.receipt.result if isinstance(each, Handed) else each.code for each in handed]


def manifests_of(ledger: Ledger) -> Manifests:
    return Manifests(ledger._store)


def lines_of(ledger: Ledger, batch: str = "calls") -> list[tuple[str, int, str]]:
    return [(each.manifest, each.line, each.state) for each in manifests_of(ledger).records(batch)]


def bring_all_in(ledger: Ledger) -> None:
    for claim in ledger.claim([Lane.BACKFILL], window=9).jobs:
        for number, step in enumerate(claim.steps):
            held = ledger.begin_step(claim.job_id, claim.lease_token, step, run=str(number))
            ledger.record_step(held, {"call_id": "1"})
