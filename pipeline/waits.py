"""What a batch waits for beside its turn, for whoever watches it. Reads the ledger and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.lease import missed_below_s
from pipeline.ledger.story import Event
from pipeline.store import Clock, Store

# Countdowns, and leases about to end, that are looked at: more than a fleet has at a time.
MOST_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class Waits:
    """What a batch waits for.

    Attributes:
        due_s: Until the last of its jobs that are put off is due; 0 if none is.
        silent: Leases of its jobs that their worker has not renewed in time: most likely it is gone.
        silent_s: Until the last of these leases ends, and the job is claimed again.
        put_off: Jobs that are not due.
        last_event: What put off the one that is due last; None if it waits for its turn alone.
    """

    due_s: float = 0.0
    silent: int = 0
    silent_s: float = 0.0
    put_off: int = 0
    last_event: Event | None = None


def waits_of(
    batches: Sequence[str], store: Store, *, lease_ttl_s: float, clock: Clock | None = None
) -> list[Waits]:
    """See what each of several batches waits for, in their order.

    Args:
        batches: Their names.
        store: The connection to the ledger's server.
        lease_ttl_s: How long a lease holds.
        clock: Instead of the server's, for tests.

    Raises:
        LedgerUnreachable, LedgerRefused: The server cannot be used.
    """
    now_ms = "" if clock is None else round(clock() * 1000)
    silent_below_ms = round(missed_below_s(lease_ttl_s) * 1000)
    found = store.run("waits", now_ms, silent_below_ms, MOST_LOOKED_AT, *batches)
    return [
        Waits(due_ms / 1000, silent, silent_ms / 1000, put_off, Event.decode(event) if event else None)
        for due_ms, silent, silent_ms, put_off, event in found
    ]
