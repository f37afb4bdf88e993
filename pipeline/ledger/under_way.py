"""A job under way, as the ledger tells of it to who looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pipeline.job import Step, steps_left
from pipeline.payload import Payload


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A job under a living lease.

    Attributes:
        client_unique_id: Empty if a newer version wrote the job.
        step: The step that runs, or waits to.
        sent_bytes: How much of the media was sent, told once a second at most of an upload that takes longer
            than two; else None.
        size_bytes: Of the media; None if the API pulls it, or nobody looked at it yet.
        since: When the step began, in seconds since the epoch on the server's clock; None while it waits for
            a process or for its countdown.
        worker: Which process works on it, as `host:pid`; empty while it waits.
    """

    job_id: str
    client_unique_id: str
    batch: str
    step: Step
    sent_bytes: int | None
    size_bytes: int | None
    since: float | None
    worker: str

    @classmethod
    def from_values(cls, job_id: str, payload: str, recorded: str, batch: str, *rest: str) -> Self:
        """Read a row of `under_way.lua`."""
        sent_bytes, size_bytes, begun_at, worker = rest
        known = Payload.decode(payload) if Payload.is_known(payload) else None
        return cls(
            job_id=job_id,
            client_unique_id=known.client_unique_id if known else "",
            batch=batch,
            step=steps_left(recorded, has_media=True)[0],
            sent_bytes=int(sent_bytes) if sent_bytes else None,
            size_bytes=int(size_bytes) if size_bytes else None,
            since=int(begun_at) / 1000 if begun_at else None,
            worker=worker,
        )
