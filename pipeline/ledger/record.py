"""What the ledger keeps of a job, in the form in which it lies there and as it is told.

Invariant: `Record` tells of a done job what `finish` in `record_step.lua` kept of it, and of any other what
stands in its record and its payload. Pure.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pipeline.job import Held
from pipeline.payload import Payload, pack, unpack

CALL_ID_PLACE = "{call_id}"


def compacted(held: Held, details: Mapping[str, str]) -> dict[str, str]:
    """Give a step's details as they are kept: the address without the call's id, the hash in base64."""
    kept = dict(details)
    if "url" in kept and held.call_id:
        kept["url"] = kept["url"].replace(held.call_id, CALL_ID_PLACE)
    if "sha256" in kept:
        kept["sha256"] = base64.b64encode(bytes.fromhex(kept["sha256"])).decode().rstrip("=")
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row that could not become a job, as the ledger keeps it.

    Attributes:
        line: Where it stands in its manifest, counted from 1.
        reason: Everything that is wrong with it, in sentences.
        row: The row as it stands in the manifest.
        call: The body of the create, where the row was of the right form, so that it can be checked anew.
        media: Reference of the media, None for none.
        at: When it was rejected, in seconds since the epoch.
        digest: That of the row, for it to be known again; empty if it may not stand so in the manifest. It is
            kept elsewhere.
    """

    line: int
    client_unique_id: str | None
    code: str
    reason: str
    row: str
    call: str | None = None
    media: str | None = None
    at: float = 0.0
    digest: str = field(default="", compare=False)

    def encode(self) -> str:
        """Write it without its line, which is its name."""
        fields = [self.client_unique_id, self.code, self.reason, self.row, self.call, self.media, self.at]
        return pack(json.dumps(fields))

    @classmethod
    def decode(cls, line: int, text: str) -> Self:
        """Read what `encode` wrote."""
        name, code, reason, row, call, media, at = json.loads(unpack(text))
        return cls(
            line=line,
            client_unique_id=name,
            code=code,
            reason=reason,
            row=row,
            call=call,
            media=media,
            at=at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of one row of a manifest, or of one job that came without one.

    Attributes:
        manifest: Name of the manifest; empty if there was none.
        line: Where it stands in there, counted from 1.
        state: A `State`, or `rejected`, or `forgotten`.
        batch: The batch that the job belongs to, which may be an earlier one than the manifest's.
        adopted: Whether its call existed before this job posted it.
        bytes: Size of the media that was uploaded.
        sha256: Of these bytes, 64 hexadecimal digits.
        accepted_at: When it was handed in, in seconds since the epoch.
        ended_at: When it was done, rejected or died.
        code: Why it is rejected or dead.
    """

    manifest: str = ""
    line: int
    client_unique_id: str | None = None
    state: str
    batch: str
    job_id: str = ""
    step: str = ""
    call_id: str | None = None
    url: str | None = None
    adopted: bool = False
    attempts: int = 0
    bytes: int | None = None
    sha256: str | None = None
    accepted_at: float | None = None
    ended_at: float | None = None
    code: str = ""
    reason: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: its batch, the manifest's name, and how addresses of its calls are written."""

    batch: str
    manifest: str
    url: str | None


def record_of(place: Place, row: Sequence[str]) -> Record:
    """Tell a row as `read_rows.lua` gives it."""
    line, job_id, text, *pairs = row
    if not job_id:
        return _rejected(place, Rejected.decode(int(line), text))
    fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
    if not fields:
        return Record(
            manifest=place.manifest, line=int(line), state="forgotten", batch=place.batch, job_id=job_id
        )
    known = _done(place, fields) if fields["state"] == "done" else _open(fields, text)
    return Record(
        manifest=place.manifest,
        line=int(line),
        job_id=job_id,
        state=fields["state"],
        batch=fields["batch"],
        call_id=fields.get("call_id"),
        adopted=fields.get("adopted") == "1",
        **known,
    )


def _rejected(place: Place, row: Rejected) -> Record:
    return Record(
        manifest=place.manifest,
        line=row.line,
        client_unique_id=row.client_unique_id,
        state="rejected",
        batch=place.batch,
        ended_at=row.at,
        code=row.code,
        reason=row.reason,
    )


def _done(place: Place, fields: Mapping[str, str]) -> dict[str, Any]:
    """Read what was kept of a done job."""
    url, call_id = fields.get("url", place.url), fields.get("call_id", "")
    return {
        "client_unique_id": fields["n"],
        "url": url.replace(CALL_ID_PLACE, call_id) if url else None,
        "attempts": int(fields.get("a", 0)),
        "bytes": int(fields["z"]) if fields.get("z") else None,
        "sha256": base64.b64decode(f"{fields['h']}=").hex() if "h" in fields else None,
        "accepted_at": float(fields["t"]),
        "ended_at": float(fields["d"]),
    }


def _open(fields: Mapping[str, str], payload: str) -> dict[str, Any]:
    """Read the record of a job that waits, is worked on, is dead or cancelled."""
    known = Payload.is_known(payload)
    died_at = fields.get("died_at")
    return {
        "client_unique_id": Payload.decode(payload).client_unique_id if known else None,
        "step": fields.get("dead_step") or fields["step"],
        "attempts": int(fields["attempts"]),
        "accepted_at": int(fields["created_at"]) / 1000,
        "ended_at": int(died_at) / 1000 if died_at else None,
        "code": fields.get("code", ""),
        "reason": fields.get("message", ""),
        "request_id": fields.get("request_id", ""),
    }
