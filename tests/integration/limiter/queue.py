"""Everybody who waits for a slot, in a time of the test's own, as the notices leave them."""

from __future__ import annotations

from pipeline.job import Lane
from pipeline.limiter import Limiter, Slot
from pipeline.limiter.notices import CHANNEL, apply
from pipeline.store import Store

NOTICE_TIMEOUT_S = 5.0


class Queue:
    """The holders of slots: each asks once and hears every notice."""

    def __init__(self, limiter: Limiter, store: Store) -> None:
        self._limiter = limiter
        self._subscription = store.subscribe(CHANNEL)
        look = limiter.look(Lane.LIVE)
        self._heard = look.notice if isinstance(look, Slot) else 0
        self._store = store
        self.slots: list[Slot] = []
        self.left: list[int] = []

    def ask(self, lane: Lane) -> Slot | None:
        """Ask for a slot; everybody else hears what that does to theirs."""
        answer = self._limiter.acquire(lane)
        if isinstance(answer, Slot):
            self.hear(answer)
            self.slots.append(answer)
        return answer if isinstance(answer, Slot) else None

    def fill(self, lane: Lane = Lane.BACKFILL) -> None:
        """Ask until there is no slot near enough."""
        while self.ask(lane):
            pass

    def hear(self, newest: Slot) -> None:
        """Let all holders hear what was published before the newest slot was bound, and because of it."""
        while (
            notice := self._subscription.read(0.0 if self._is_up_to(newest) else NOTICE_TIMEOUT_S)
        ) is not None:
            self._heard = int(notice.split()[0])
            self.slots = [slot for held in self.slots if (slot := apply(notice, held))]

    def _is_up_to(self, newest: Slot) -> bool:
        look = self._limiter.look(newest.lane)
        return not isinstance(look, Slot) or look.notice <= self._heard

    def recorded(self) -> list[int]:
        """Read the instants (us) as the server has them."""
        names = self._store._client.lrange(f"{self._store._prefix}grants", 0, -1)
        return [int(text) for text in names]

    def instants(self, lane: Lane | None = None) -> list[int]:
        """Give the instants (us) at which requests will leave, in order."""
        return sorted(slot.at_us for slot in self.slots if lane in (None, slot.lane))
