"""How far the deliveries are, as the ledger knows it; each method is a script."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pipeline.events import Event
from pipeline.payload import Payload
from pipeline.store import Clock, Store
from pipeline.webhook.receiver import Verdict

DUTY = "webhook"
# Longer than a delivery takes; after so long another worker goes on where one was killed.
DUTY_S = 15.0
# Events that a round trip reads.
READ_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be delivered next.

    Attributes:
        after: The id of the last event before it.
        wait_s: Until the first one is due.
        attempts: How often that one failed.
        refusals: How often it was refused.
        dropped: How many the stream dropped since the last time.
    """

    after: str
    wait_s: float
    attempts: int
    refusals: int
    dropped: int
    events: tuple[Event, ...]


class Deliveries:
    """The deliveries of one namespace, as one worker sees them.

    Every method raises `LedgerUnreachable` when the server cannot be used.
    """

    def __init__(self, store: Store, *, worker: str, clock: Clock | None = None) -> None:
        self._store = store
        self._worker = worker
        self._clock = clock

    def due(self) -> Due | None:
        """See what is to be delivered next; None while another worker has the duty."""
        whose, *rest = self._run("next_events", READ_EVENTS)
        if whose != "mine":
            return None
        after, wait_ms, attempts, refusals, dropped, *entries = rest
        events = tuple(map(self._named, map(Event.from_entry, entries)))
        return Due(after, wait_ms / 1000, attempts, refusals, dropped, events)

    def note(self, event: Event, verdict: Verdict, *, why: str = "", wait_s: float = 0.0) -> bool:
        """Note what became of one; False if another worker has the duty now."""
        return bool(self._run("note_delivery", event.id, verdict.value, round(wait_s * 1000), why) == "noted")

    def wait(self, after: str, timeout_s: int) -> None:
        """Wait for an event behind that one."""
        self._store.wait_for_event(after, timeout_s)

    def leave(self) -> None:
        """Leave the duty to another worker."""
        self._store.run("leave_duty", DUTY, self._worker)

    def _named(self, event: Event) -> Event:
        """Find the name of one that was lost with its worker, and handed in before events were wanted."""
        if event.type != "recording.dead" or event.fields["client_unique_id"]:
            return event
        _, payload, *_ = self._store.run("find", event.fields["job_id"]) or ("", "")
        if not Payload.is_known(payload):
            return event
        return replace(
            event, fields={**event.fields, "client_unique_id": Payload.decode(payload).client_unique_id}
        )

    def _run(self, script: str, *arguments: str | float) -> Any:
        now_ms = "" if self._clock is None else round(self._clock() * 1000)
        return self._store.run(script, now_ms, self._worker, round(DUTY_S * 1000), *arguments)
