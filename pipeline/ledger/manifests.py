"""The manifests of a batch: which row became which job or was rejected, and what became of it.

Invariants: each row of a manifest stands in the ledger once, by its line, as a job or as rejected. A row
that is handed in again takes its own place; jobs that came without a manifest have the lines of manifest 0.
Nothing here is held in memory but one chunk of rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from pipeline.job import Receipt, State, job_id_of
from pipeline.ledger.record import Place, Record, Rejected, record_of
from pipeline.store import Clock, Store

# In it stand the messages of the intake that were refused; it is named after the task that they call.
INTAKE_MANIFEST = "calls.submit"
# A batch keeps so many of them, the last ones: a sender that is wrong all day must not fill the server.
INTAKE_KEPT = 10_000
# As in rows_prelude.lua.
CHUNK_LINES = 256
# Rejected rows that a round trip carries; one may have a mebibyte.
REJECT_BUNDLE = 50
# Digests that a round trip asks about.
CORRECTED_BUNDLE = 500
# Keys that a round trip looks at when jobs without a row are looked for.
SCAN_BUNDLE = 1000


@dataclass(frozen=True, slots=True)
class KnownManifest:
    """A manifest as its batch knows it.

    Attributes:
        number: Its number in the batch; 0 for the jobs that came without one.
        handing_in: Which time of all the batch's manifests this is; 0 if it is only looked at.
        corrects: What is handed in now are rows of it that were rejected, as they were corrected.
        fingerprint: Of its content when it was last handed in to its end; empty for never.
        read_at: When that was, in seconds since the epoch; None for never.
        place: Where it lay then; empty where that is not known.
    """

    number: int
    name: str
    handing_in: int = 0
    corrects: bool = False
    fingerprint: str = ""
    read_at: float | None = None
    last_line: int = 0
    place: str = ""


CONFLICT = "conflict"
"""Why a row is rejected whose recording is known with other content."""

NO_MANIFEST = KnownManifest(0, "")
"""For jobs that come one by one."""


class Manifests:
    """The manifests of every batch.

    Every method raises `LedgerUnreachable` when the server cannot be used.
    """

    def __init__(self, store: Store, *, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock

    def open(self, batch: str, name: str, *, place: str = "", corrects: bool = False) -> KnownManifest:
        """Begin to hand in the manifest of that name, or to hand it or its corrected rows in again.

        Where it lies is kept, if that is told.
        """
        number, handing_in, fingerprint, read_at = self._run("open_manifest", batch, name, place)
        return KnownManifest(int(number), name, int(handing_in), corrects, fingerprint, _seconds(read_at))

    def close(
        self, batch: str, manifest: KnownManifest, *, fingerprint: str = "", last_line: int | str = ""
    ) -> int:
        """Note that it was handed in to its end; gives how many lines of a longer one were forgotten.

        Without a last line these were not all of its rows.
        """
        return int(self._run("close_manifest", batch, manifest.number, fingerprint, last_line))

    def reject(self, batch: str, manifest: KnownManifest, rows: Sequence[Rejected]) -> dict[int, Receipt]:
        """Keep rows that were rejected, in the place of what their lines were before.

        But a row that was corrected elsewhere, and whose recording is there, stays that; so does one that
        names the recording that its line is.

        Returns:
            Of each line that stands as it was when it was corrected, what the ledger says to it.
        """
        stayed: dict[int, Receipt] = {}
        rest = iter(rows)
        while bundle := list(islice(rest, REJECT_BUNDLE)):
            told = ((str(row.line), row.encode(), _own_job(row), row.digest) for row in bundle)
            for line, job_id, state, its_batch, as_it_was in self._run(
                *("reject", batch, manifest.number, manifest.handing_in, int(manifest.corrects)),
                *chain.from_iterable(told),
            ):
                if as_it_was:
                    stayed[int(line)] = Receipt(job_id, "known", State(state), its_batch)
        return stayed

    def corrected(self, batch: str, manifest: KnownManifest, digests: Sequence[str]) -> list[int]:
        """Tell of rows that would be rejected how many that stand so were corrected elsewhere.

        So many of them stay jobs when they are handed in again.
        """
        found: list[int] = []
        rest = iter(digests)
        while bundle := list(islice(rest, CORRECTED_BUNDLE)):
            found += self._store.run("corrected", batch, manifest.number, *bundle)
        return found

    def of(self, batch: str) -> list[KnownManifest]:
        """List the manifests of a batch; the first one stands for jobs that came without."""
        found = self._store.run("manifests", batch)
        return [
            KnownManifest(
                int(number),
                name,
                fingerprint=fingerprint,
                read_at=_seconds(read_at),
                last_line=int(last),
                place=place,
            )
            for number, name, last, fingerprint, read_at, place in found
        ]

    def records(self, batch: str) -> Iterator[Record]:
        """Tell what became of each row, manifest by manifest, in the order of lines."""
        url = self._url_of(batch)
        for manifest, chunk in self._chunks(batch):
            place = Place(batch, manifest.name, url)
            rows = self._rows(batch, manifest, chunk)
            yield from (record_of(place, row) for row in sorted(rows, key=lambda row: int(row[0])))

    def rejected(self, batch: str) -> Iterator[tuple[KnownManifest, Rejected]]:
        """Read the rejected rows of a batch, with the manifest of each, in the order of lines."""
        for manifest, chunk in self._chunks(batch):
            yield from ((manifest, row) for row in self._rejected_in(batch, manifest, chunk))

    def of_intake(self, batch: str) -> Iterator[Rejected]:
        """Read the messages of the intake that were refused, the newest first."""
        for manifest in self.of(batch):
            if manifest.name == INTAKE_MANIFEST:
                last, oldest = manifest.last_line, max(0, manifest.last_line - INTAKE_KEPT)
                for chunk in range(last // CHUNK_LINES, oldest // CHUNK_LINES - 1, -1):
                    yield from reversed(self._rejected_in(batch, manifest, chunk))

    def find_call(self, call_id: str) -> str | None:
        """Look for the job of a call in every batch, the newest first; gives its id.

        Every row is looked at: a million take seconds.
        """
        for batch in self._store.run("batches"):
            for manifest, chunk in self._chunks(batch):
                if job_id := self._store.run("find_call", batch, manifest.number, chunk, call_id):
                    return str(job_id)
        return None

    def forget(self, batch: str, *, rejected: bool = False) -> int:
        """Remove done and cancelled jobs, and the batch when nothing else is left; gives how many jobs.

        Args:
            batch: Its name.
            rejected: Rejected rows do not keep the batch, and go with it.
        """
        forgotten = sum(
            int(self._store.run("forget_rows", batch, manifest.number, chunk))
            for manifest, chunk in self._chunks(batch)
        )
        if not self._store.run("forget_batch", batch, int(rejected)):
            forgotten += self._forget_strays(batch)
            self._store.run("forget_batch", batch, int(rejected))
        return forgotten

    def _forget_strays(self, batch: str) -> int:
        """Remove finished jobs whose rows are gone: the manifest was changed since they were handed in."""
        cursor, forgotten = "0", 0
        while True:
            cursor, count = self._store.run("forget_strays", batch, cursor, SCAN_BUNDLE)
            forgotten += int(count)
            if cursor == "0":
                return forgotten

    def _rejected_in(self, batch: str, manifest: KnownManifest, chunk: int) -> list[Rejected]:
        rows = self._rows(batch, manifest, chunk)
        found = sorted((int(line), text) for line, job_id, text, *_ in rows if not job_id)
        return [Rejected.decode(line, text) for line, text in found]

    def _rows(self, batch: str, manifest: KnownManifest, chunk: int) -> list[list[str]]:
        return [json.loads(row) for row in self._store.run("read_rows", batch, manifest.number, chunk)]

    def _chunks(self, batch: str) -> Iterator[tuple[KnownManifest, int]]:
        for manifest in self.of(batch):
            for chunk in range(manifest.last_line // CHUNK_LINES + 1):
                yield manifest, chunk

    def _url_of(self, batch: str) -> str | None:
        ((_, *flat),) = self._store.run("counts", batch)
        return dict(zip(flat[::2], flat[1::2], strict=True)).get("url")

    def _run(self, script: str, *arguments: str | float) -> Any:
        """Run a script that begins with the time."""
        now_ms = "" if self._clock is None else round(self._clock() * 1000)
        return self._store.run(script, now_ms, *arguments)


def _own_job(row: Rejected) -> str:
    """Give the id of the job that a row's recording would be; '' if it names none, or another row's."""
    if row.code == CONFLICT or row.client_unique_id is None:
        return ""
    return job_id_of(row.client_unique_id)


def _seconds(milliseconds: str) -> float | None:
    return int(milliseconds) / 1000 if milliseconds else None
