"""Rows that would be rejected for their media, though their recording is in already.

Media that was uploaded may be moved away; a manifest that is handed in again has its row all the same. The
preflight sees to that as well; this is for rows that it did not look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from pipeline.errors import is_of_media
from pipeline.job import State, job_id_of
from pipeline.ledger import SUBMIT_BUNDLE
from pipeline.manifest import RejectedRow, Row

States = Callable[[Sequence[str]], Sequence[State | None]]


def with_those_done(rows: Iterable[Row | RejectedRow], states: States) -> Iterator[Row | RejectedRow]:
    """Yield the rows in their order, and make those right again whose recording is in.

    The ledger is asked once for the rows that are handed in at once.
    """
    remaining = iter(rows)
    while bundle := list(islice(remaining, SUBMIT_BUNDLE)):
        refused = {at: row for at, row in enumerate(bundle) if isinstance(row, RejectedRow)}
        jobs = {at: job_id for at, row in refused.items() if (job_id := _job_of(row))}
        for at, state in zip(jobs, states(list(jobs.values())) if jobs else (), strict=True):
            if state is State.DONE:
                bundle[at] = _right(refused[at])
        yield from bundle


def _job_of(row: RejectedRow) -> str | None:
    """Return the id of the job of a row in which nothing but the media is wrong."""
    return job_id_of(row.call["clientUniqueId"]) if is_of_media(row.code) and row.call else None


def _right(row: RejectedRow) -> Row:
    return Row(row.line, row.call or {}, row.media, row.original, row.line_here)
