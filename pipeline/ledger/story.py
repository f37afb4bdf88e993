"""The story of one recording: what became of it, and what kept it from going on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from pipeline.ledger.record import Place, Record, record_of


@dataclass(frozen=True, slots=True)
class Event:
    """What kept a job from going on.

    Attributes:
        at: When, in seconds since the epoch.
        step: The step that did not succeed; empty where none was at work.
        code: One word for it: as of outcomes and dead letters, or `worker_lost`, `brought_back`.
        request_id: The API's name for the request; empty if it did not tell.
        until: To when it put the job off, in seconds since the epoch; None if it did not.
    """

    at: float
    step: str
    code: str
    message: str
    request_id: str
    until: float | None = None

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what `note_story` in `jobs_prelude.lua` wrote."""
        at, step, code, message, request_id, *until = json.loads(text)
        return cls(int(at) / 1000, step, code, message, request_id, int(until[0]) / 1000 if until else None)


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one recording. Times are seconds since the epoch; None for not known, or not so.

    Attributes:
        lane: Empty when it is done: that is not kept.
        posted: Whether its create may have reached the API.
        sent_bytes, size_bytes: How far its upload is.
        begun_at: When the step that runs began.
        worker: The process that works on it, as `host:pid`.
        due_at: When it may be claimed.
        lease_ends_at: Until when whoever works on it holds it.
        events: What kept it from going on, the oldest first; the last 20.
    """

    record: Record
    lane: str
    posted: bool
    sent_bytes: int | None
    size_bytes: int | None
    begun_at: float | None
    worker: str
    due_at: float | None
    lease_ends_at: float | None
    events: tuple[Event, ...]

    @classmethod
    def from_answer(cls, job_id: str, *answer: Any) -> Self | None:
        """Read what the script `story` answers."""
        if not answer:
            return None
        due_at, lease_ends_at, events, url, payload, *pairs = answer
        fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
        return cls(
            record=record_of(Place("", "", url or None), ["0", job_id, payload, *pairs]),
            lane=fields.get("lane", ""),
            posted=fields.get("posted") == "1",
            sent_bytes=_whole(fields.get("sent_bytes")),
            size_bytes=_whole(fields.get("size_bytes")),
            begun_at=_seconds(fields.get("begun_at")),
            worker=fields.get("worker", ""),
            due_at=_seconds(due_at),
            lease_ends_at=_seconds(lease_ends_at),
            events=events_of(events),
        )


def events_of(texts: Sequence[str]) -> tuple[Event, ...]:
    """Read a story as the ledger keeps it."""
    return tuple(Event.decode(text) for text in texts)


def _whole(text: str | None) -> int | None:
    return int(text) if text else None


def _seconds(milliseconds: str | None) -> float | None:
    return float(milliseconds) / 1000 if milliseconds else None
