"""What hands recordings in: rows become jobs in the ledger, and nowhere else.

A producer writes the ledger, never the broker: the dispatchers find what is due. Every row of a manifest is
kept there by its line, a rejected one as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import TYPE_CHECKING, NamedTuple

from pipeline.call import decode_call, encode_call
from pipeline.errors import Problem, is_of_media
from pipeline.job import Lane, Receipt, Submission
from pipeline.ledger import CONFLICT, NO_MANIFEST, KnownManifest, Ledger, Manifests, Rejected, in_bundles
from pipeline.manifest import RejectedRow, Row, UncheckedRow, digest_of, hash_of
from pipeline.recording import submission_of

if TYPE_CHECKING:
    from pipeline.media import MayLink

# Of a rejected row the ledger keeps so much; the file of rejected rows has all of it.
ROW_KEPT_MAX_CHARACTERS = 1 << 16


@dataclass(frozen=True, slots=True)
class Handed:
    """A row with what the ledger said to it.

    Attributes:
        row: A rejected one was corrected before: its recording is there, and stays.
    """

    row: Row | RejectedRow
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from.

    Attributes:
        name: The manifest's own name; the batch knows it again by that.
        fingerprint: Of its content; empty where it is read once only.
        is_replay: Whether its rows were rejected before, and stand in the manifest of that name.
        media_roots: Where their media lies, if all workers are on this machine; else they know it themselves.
        place: Where the manifest lies; empty where that is not known.
    """

    name: str
    fingerprint: str = ""
    is_replay: bool = False
    media_roots: tuple[str, ...] = ()
    place: str = ""


class Producer:
    """Hands recordings in under a batch's name.

    Args:
        ledger: Where jobs are written.
        manifests: Where rows are kept.
        batch: The batch's name.
        lane: That of the jobs.
        may_link: Tells of media by its reference whether Gong pulls it; without it all is uploaded.
    """

    def __init__(
        self,
        ledger: Ledger,
        manifests: Manifests,
        *,
        batch: str,
        lane: Lane = Lane.BACKFILL,
        may_link: MayLink | None = None,
    ) -> None:
        self._ledger = ledger
        self._manifests = manifests
        self._batch = batch
        self._lane = lane
        self._may_link = may_link

    def backfill(self, rows: Iterable[Row | RejectedRow], source: Source) -> Iterator[Handed | RejectedRow]:
        """Submit the rows of a manifest as a stream; what comes out is in order.

        A row whose clientUniqueId is known with other content updates its job if that is of the same batch,
        and nothing of it has reached the API; else it is rejected. With the same content it is `known`.

        Raises:
            LedgerUnreachable: What had come out before is written; the same rows may be handed in again.
        """
        manifest = self._manifests.open(
            self._batch, source.name, place=source.place, corrects=source.is_replay
        )
        last_line = 0
        for handed in self._submitted(rows, manifest, source):
            line = handed.row.line if isinstance(handed, Handed) else handed.line
            last_line = max(last_line, line)
            yield handed
        if source.is_replay:
            self._manifests.close(self._batch, manifest)
        else:
            self._manifests.close(self._batch, manifest, fingerprint=source.fingerprint, last_line=last_line)

    def requeue(
        self, check: Callable[[UncheckedRow], Row | RejectedRow], media_roots: tuple[str, ...] | None
    ) -> Iterator[Handed | RejectedRow]:
        """Check the batch's rejected rows anew, and submit those that are right now; in order.

        A row that could not be read as such, or that its map could not make into a call, stays rejected: it
        has to be corrected where it stands.

        Args:
            check: Checks a row.
            media_roots: As of a source; None if the check does not look at media: then a row that was
                rejected for its media stays so.

        Raises:
            LedgerUnreachable: What had come out before is written; it may be done again.
        """
        kept = self._manifests.rejected(self._batch)
        for manifest, rows in groupby(kept, key=lambda each: each[0]):
            looks = media_roots is not None
            checked = (_checked_anew(row, check, looks_at_media=looks) for _, row in rows)
            source = Source(manifest.name, media_roots=media_roots or ())
            yield from self._submitted(checked, replace(manifest, corrects=True), source)

    def _submitted(
        self, rows: Iterable[Row | RejectedRow], manifest: KnownManifest, source: Source
    ) -> Iterator[Handed | RejectedRow]:
        ready = (_ready(row, source, self._may_link) for row in rows)
        return in_bundles(ready, lambda bundle: self._begin(bundle, manifest))

    def _begin(
        self, bundle: Sequence[_Ready], manifest: KnownManifest
    ) -> Callable[[], list[Handed | RejectedRow]]:
        """Send a bundle; what is given waits for its receipts, and keeps what is rejected of it."""
        receipts = self._begin_submit([each.submission for each in bundle if each.submission], manifest)
        return lambda: self._handed_and_kept(bundle, manifest, iter(receipts()))

    def _handed_and_kept(
        self, bundle: Sequence[_Ready], manifest: KnownManifest, receipts: Iterator[Receipt]
    ) -> list[Handed | RejectedRow]:
        handed = [
            self._handed(each.row, next(receipts)) if isinstance(each.row, Row) else each.row
            for each in bundle
        ]
        refused = [
            kept_of(row, stands_so=not manifest.corrects)
            for row, each in zip(handed, bundle, strict=True)
            if each.line and isinstance(row, RejectedRow)
        ]
        stayed = self._manifests.reject(self._batch, manifest, refused)
        return [
            Handed(row, stayed[each.line]) if isinstance(row, RejectedRow) and each.line in stayed else row
            for row, each in zip(handed, bundle, strict=True)
        ]

    def _begin_submit(
        self, submissions: Sequence[Submission], manifest: KnownManifest
    ) -> Callable[[], list[Receipt]]:
        """Submit by turns what has a line of the manifest, and what has none; the first of them at once."""
        runs = (list(run) for _, run in groupby(submissions, key=lambda each: bool(each.line)))
        begun = (self._begin_run(run, manifest) for run in runs)
        first = next(begun, list)
        return lambda: [receipt for each in chain([first], begun) for receipt in each()]

    def _begin_run(self, run: Sequence[Submission], manifest: KnownManifest) -> Callable[[], list[Receipt]]:
        place = manifest if run[0].line else NO_MANIFEST
        return self._ledger.begin_submit(run, batch=self._batch, lane=self._lane, manifest=place)

    def _handed(self, row: Row, receipt: Receipt) -> Handed | RejectedRow:
        if receipt.result != "conflict":
            return Handed(row, receipt)
        return row.rejected(CONFLICT, (Problem("clientUniqueId", _conflict(receipt, self._batch)),))


def kept_of(row: RejectedRow, *, stands_so: bool) -> Rejected:
    """Make a row that was rejected just now into what the ledger keeps of it.

    Args:
        row: The row.
        stands_so: It stands so in its manifest, and not in a file of rejected rows.
    """
    return Rejected(
        line=row.line,
        client_unique_id=row.client_unique_id,
        code=row.code,
        reason=row.reason,
        row=row.raw[:ROW_KEPT_MAX_CHARACTERS],
        call=_written(row),
        media=row.media,
        at=time.time(),
        digest=digest_of(hash_of(row.original)) if stands_so else "",
    )


class _Ready(NamedTuple):
    """A row that is ready to be submitted; of a rejected one there is nothing to submit.

    Attributes:
        line: Where the ledger keeps it; 0 for a new row in a file of rejected ones.
    """

    row: Row | RejectedRow
    submission: Submission | None
    line: int


def _ready(row: Row | RejectedRow, source: Source, may_link: MayLink | None) -> _Ready:
    line = 0 if source.is_replay and not row.line_here else row.line
    submission = _submission(row, line, may_link, source.media_roots) if isinstance(row, Row) else None
    return _Ready(row, submission, line)


def _submission(row: Row, line: int, may_link: MayLink | None, roots: tuple[str, ...]) -> Submission:
    is_linked = bool(may_link and row.media is not None and may_link(row.media))
    return submission_of(row.call, row.media, line=line, is_linked=is_linked, roots=roots)


def _written(row: RejectedRow) -> str | None:
    """Write a rejected row's call, if it can be written at all."""
    try:
        return None if row.call is None else encode_call(row.call)
    except (TypeError, ValueError, RecursionError):
        return None


def _checked_anew(
    kept: Rejected, check: Callable[[UncheckedRow], Row | RejectedRow], *, looks_at_media: bool
) -> Row | RejectedRow:
    if kept.call is None or (is_of_media(kept.code) and not looks_at_media):
        problem = Problem("", kept.reason)
        call = kept.call and decode_call(kept.call)
        return RejectedRow(
            kept.line, kept.client_unique_id, kept.code, (problem,), kept.row, call or None, kept.media
        )
    original = kept.row.encode("utf-8", "surrogateescape")
    return check(UncheckedRow(kept.line, decode_call(kept.call), kept.media, original))


def _conflict(receipt: Receipt, batch: str) -> str:
    """Say why a known recording does not take other content."""
    place = f"is known with other content, in the batch {receipt.batch!r} ({receipt.state}); "
    if receipt.batch != batch:
        return place + "the first one stays. Give another recording another clientUniqueId."
    if receipt.state == "pending":
        return place + "an earlier row of this manifest has it as well, and stays."
    if receipt.state == "done":
        return place + "Gong has the call, and calls cannot be changed there."
    if receipt.state == "cancelled":
        return place + "bring it back first: gong-ingest retry --reason cancelled."
    return place + "Gong may have the call already, and calls cannot be changed there."
