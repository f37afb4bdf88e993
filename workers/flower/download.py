"""Downloads of a batch: its report, and its rejected rows. Streamed: memory does not grow with the batch.

Invariant: who gets a file knows whether it is whole: when the ledger is lost on the way, the connection is
broken off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import quote

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated

from pipeline.errors import IngestError
from pipeline.ledger import Manifests
from pipeline.report import lines_of_json, lines_of_table, table_of
from workers.flower.page import Page

FORMS = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
# Lines that are written at once.
BUNDLE = 500
REJECTED = ("manifest", "line", "client_unique_id", "code", "reason", "row")


class Download(Page):
    """A file of a batch; a `HEAD` is not answered."""

    kind: str

    @authenticated
    async def get(self, *_parts: str) -> None:
        """Write the file as it is read."""
        name, form = self.given("name"), self.given("format", "csv")
        if form not in FORMS:
            raise HTTPError(400, "The format is csv or jsonl.")
        counts = await self.window.ask(self.ledger.counts, name)
        if not counts.created_at:
            raise HTTPError(404, f"There is no batch {name!r}.")
        lines = self.lines(self.window.patient, name, form)
        # Before the first word is said, so that an error can still be told.
        bundle = await self._next(lines)
        self.set_header("Content-Type", f"{FORMS[form]}; charset=utf-8")
        self.set_header("Content-Disposition", disposition(f"{name}.{self.kind}.{form}"))
        try:
            while bundle:
                self.write(bundle)
                await self.flush()
                bundle = await self._next(lines)
        except StreamClosedError:
            return
        except IngestError:
            self.detach().close()
            return
        self.finish()

    async def _next(self, lines: Iterator[str]) -> bytes:
        text = await self.window.read(lambda: "".join(islice(lines, BUNDLE)))
        return text.encode("utf-8", "replace")

    def lines(self, manifests: Manifests, batch: str, form: str) -> Iterator[str]:
        """Read what is written."""
        raise NotImplementedError


class ReportDownload(Download):
    """`/batch/report`: as `gong-ingest report` writes it."""

    kind = "report"

    def lines(self, manifests: Manifests, batch: str, form: str) -> Iterator[str]:
        """Read the report."""
        write = lines_of_json if form == "jsonl" else lines_of_table
        return write(manifests.records(batch))


class RejectedDownload(Download):
    """`/batch/rejected`: each rejected row as it stood in its manifest, and what is wrong with it."""

    kind = "rejected"

    def lines(self, manifests: Manifests, batch: str, form: str) -> Iterator[str]:
        """Read the rejected rows."""
        rows = (
            [known.name, row.line, row.client_unique_id, row.code, row.reason, row.row]
            for known, row in manifests.rejected(batch)
        )
        if form == "csv":
            return table_of(REJECTED, rows)
        return (f"{json.dumps(dict(zip(REJECTED, row, strict=True)), ensure_ascii=False)}\n" for row in rows)


def disposition(name: str) -> str:
    """Name a file that is saved: for old programs in plain letters, for others as it is (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
