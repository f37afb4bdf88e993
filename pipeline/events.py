"""What others are told: a recording is done, dead or refused, a batch is finished (docs/events.md).

Invariants: an event is written by the very script in which it came about, so none is lost, and none tells of
what did not happen. It names recordings by ids and codes, and holds nothing of what was said or by whom.
The names here are a contract. Pure but for `want_events`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from pipeline.store import Store

# Whoever wants events says so every minute; a day later they are wanted no more.
WANT_INTERVAL_S, WANTED_S = 60.0, 86_400.0

# The fields of each kind, as they stand in the stream behind `type` and `at`.
OF_RECORDING = (
    "batch",
    "client_unique_id",
    "job_id",
    "call_id",
    "reason",
    "step",
    "request_id",
    "accepted_at",
)
OF_BATCH = ("batch", "done", "dead", "cancelled", "rejected")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "recording.done": OF_RECORDING,
    "recording.dead": OF_RECORDING,
    "recording.refused": OF_RECORDING,
    "batch.finished": OF_BATCH,
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that came about.

    Attributes:
        id: Its place in the stream, which grows.
        fields: As they stand there, all of them text.
    """

    id: str
    fields: Mapping[str, str]

    @classmethod
    def from_entry(cls, entry: tuple[str, Sequence[str]]) -> Self:
        """Read an entry of the stream."""
        event_id, flat = entry
        return cls(event_id, dict(zip(flat[::2], flat[1::2], strict=True)))

    @property
    def type(self) -> str:
        """Say of which kind it is."""
        return self.fields["type"]

    def document(self) -> dict[str, Any]:
        """Give it as others get it: its type, when it was, and what is known of it; null for what is not."""
        # Of a kind that a newer version tells of, whatever it tells.
        names = FIELDS.get(self.type) or tuple(name for name in self.fields if name not in {"type", "at"})
        counts = names is OF_BATCH
        data = {name: _value(name, self.fields.get(name, ""), counts=counts) for name in names}
        return {"type": self.type, "timestamp": _iso(self.fields["at"]), "data": data}

    def body(self) -> str:
        """Write that as JSON, the same text every time."""
        return json.dumps(self.document(), separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Standing:
    """How the deliveries to the webhook stand. Times are seconds since the epoch on the server's clock.

    Attributes:
        waiting: Events that are not delivered yet.
        delivered: Those that were.
        dropped: Those that the stream had to drop before the receiver took them.
        given_up: Those that it refused too often.
        failing_since: None while deliveries succeed.
        error: Why the last one failed.
        next_at: When it is tried again; None while deliveries succeed.
    """

    waiting: int
    delivered: int = 0
    dropped: int = 0
    given_up: int = 0
    failing_since: float | None = None
    error: str = ""
    next_at: float | None = None

    @classmethod
    def from_answer(cls, waiting: int, *flat: Any) -> Self:
        """Read what `deliveries.lua` gives."""
        values = dict(zip(flat[::2], flat[1::2], strict=True))
        is_failing = "failing_since" in values
        since, due = (int(values.get(name, 0)) / 1000 for name in ("failing_since", "due"))
        return cls(
            waiting=waiting,
            delivered=int(values.get("delivered", 0)),
            dropped=int(values.get("dropped", 0)),
            given_up=int(values.get("given_up", 0)),
            failing_since=since if is_failing else None,
            error=values.get("error", ""),
            next_at=due or None,
        )


def want_events(store: Store, *, kept: int, webhook: bool) -> None:
    """Let scripts tell what comes about, for a day from now on.

    Args:
        store: The connection to the server.
        kept: About how many events stay in the stream.
        webhook: Whether one gets them.

    Raises:
        LedgerUnreachable: The server cannot be used.
    """
    store.run("want_events", "", kept, round(WANTED_S * 1000), int(webhook))


def _value(name: str, text: str, *, counts: bool) -> str | int | None:
    if counts and name != "batch":
        return int(text)
    if name.endswith("_at"):
        return _iso(text) if text else None
    return text or None


def _iso(milliseconds: str) -> str:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).isoformat(timespec="milliseconds")
