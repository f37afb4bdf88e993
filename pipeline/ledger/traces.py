"""The traces of recordings that are handed in: each begins here, or goes on from the caller's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat

from pipeline import tracing
from pipeline.job import Lane, Receipt


class HandingIn:
    """The spans of a bundle on its way into the ledger; without traces there are none, and nothing is done.

    Attributes:
        traceparents: What each job's record gets, in order; '' for nothing.
    """

    def __init__(self, job_ids: Sequence[str], *, batch: str, lane: Lane) -> None:
        self._spans = tracing.begin_each(
            "enqueue", ({"job": job_id, "batch": batch, "lane": str(lane)} for job_id in job_ids)
        )
        self.traceparents: Iterable[str] = repeat("")
        if self._spans is not None:
            self.traceparents = [span.traceparent for span in self._spans]

    def ended(self, receipts: list[Receipt]) -> list[Receipt]:
        """Say what the ledger answered to each; gives that."""
        for span, receipt in zip(self._spans or (), receipts, strict=False):
            span.end({"result": receipt.result})
        return receipts
