"""What hands recordings in: rows become jobs in the ledger, and nowhere else.

A producer writes the ledger, never the broker: the dispatchers find what is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.call import encode_call
from pipeline.errors import Problem
from pipeline.job import Lane, Payload, Receipt, Submission
from pipeline.ledger import SUBMIT_BUNDLE, Ledger
from pipeline.manifest import RejectedRow, Row


@dataclass(frozen=True, slots=True)
class Handed:
    """A row with what the ledger said to it."""

    row: Row
    receipt: Receipt


class Producer:
    """Hands recordings in under a batch's name."""

    def __init__(self, ledger: Ledger, *, batch: str, lane: Lane = Lane.BACKFILL) -> None:
        self._ledger = ledger
        self._batch = batch
        self._lane = lane

    def backfill(self, rows: Iterable[Row | RejectedRow]) -> Iterator[Handed | RejectedRow]:
        """Submit the rows of a manifest as a stream; what comes out is in order.

        A row whose clientUniqueId is known with other content is rejected; with the same content it is
        handed in as `known`.

        Raises:
            LedgerUnreachable: What had come out before is written; the same rows may be handed in again.
        """
        bundle: list[Row | RejectedRow] = []
        for row in rows:
            bundle.append(row)
            if len(bundle) >= SUBMIT_BUNDLE:
                yield from self._submit(bundle)
                bundle = []
        yield from self._submit(bundle)

    def _submit(self, bundle: list[Row | RejectedRow]) -> Iterator[Handed | RejectedRow]:
        accepted = [row for row in bundle if isinstance(row, Row)]
        submissions = [submission_of(row) for row in accepted]
        receipts = iter(self._ledger.submit(submissions, batch=self._batch, lane=self._lane))
        for row in bundle:
            yield self._handed(row, next(receipts)) if isinstance(row, Row) else row

    def _handed(self, row: Row, receipt: Receipt) -> Handed | RejectedRow:
        if receipt.result != "conflict":
            return Handed(row, receipt)
        message = (
            f"is known with other content, in the batch {receipt.batch!r} ({receipt.state}); "
            "the first one stays. Give another recording another clientUniqueId."
        )
        return RejectedRow(
            line=row.line,
            client_unique_id=row.call["clientUniqueId"],
            code="conflict",
            problems=(Problem("clientUniqueId", message),),
            raw=encode_call(row.call),
        )


def submission_of(row: Row) -> Submission:
    """Make a row into what is submitted."""
    return Submission(row.call["clientUniqueId"], Payload(encode_call(row.call), row.media))
