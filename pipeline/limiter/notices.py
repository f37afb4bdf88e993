"""What became of slots that were bound: taken back, or moved for live or because a request was late.

The scripts publish a notice in the same moment in which they change the state, so whoever waits for a slot
knows within one way through the network that the gate was closed. Invariants: a notice is numbered, and who
may have missed one gives its slot up.
"""

from __future__ import annotations

from pipeline.job import Lane
from pipeline.limiter.slot import Slot
from pipeline.store import Store
from pipeline.subscription import Interrupted, Subscription

CHANNEL = "notices"


class Notices:
    """The notices as one process hears them; not to be shared between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._subscription: Subscription | None = None

    def listen(self) -> Subscription:
        """Begin to listen, if that was not done before; must come before the slot is asked for.

        Raises:
            LedgerUnreachable: The server does not answer.
        """
        if self._subscription is None:
            self._subscription = self._store.subscribe(CHANNEL)
        return self._subscription

    def follow(self, slot: Slot, timeout_s: float) -> Slot | None:
        """Wait for notices, at most so long; give the slot as it is then, None if it was taken back.

        Raises:
            LedgerUnreachable: The server does not answer.
        """
        subscription = self.listen()
        followed: Slot | None = slot
        try:
            notice = subscription.read(timeout_s)
            while notice is not None and followed is not None:
                followed = apply(notice, followed)
                notice = subscription.read(0.0)
        except Interrupted:
            return None
        return followed


def apply(notice: str, slot: Slot) -> Slot | None:
    """Give a slot as it is after a notice (`limiter_prelude.lua`), None if it is void.

    A notice that came before the slot was bound does not concern it.
    """
    number_text, kind, *numbers = notice.split()
    number = int(number_text)
    if number <= slot.notice:
        return slot
    if number > slot.notice + 1 or kind == "void":
        return None
    from_us, by_us = map(int, numbers)
    is_moved = slot.at_us >= from_us and (kind == "delay" or slot.lane is Lane.BACKFILL)
    return slot.after(number, by_us=by_us if is_moved else 0)
