"""One request for a page of users, in a slot that has come, and what its answer does to the fleet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.consequence import late_teller, tell_fleet
from pipeline.errors import RequestFailed
from pipeline.gong import GongClient
from pipeline.history import Endpoint, counted
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter, Slot
from pipeline.outcome import Answer, Outcome
from pipeline.people.answer import Page, page_of


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks for pages.

    Attributes:
        failures_to_close: How many failed requests in a row close the gate.
        is_needed: Whether recordings wait for the list (`page_of`).
    """

    ledger: Ledger
    limiter: Limiter
    client: GongClient
    failures_to_close: int
    is_needed: bool = True

    def ask(self, cursor: str, slot: Slot) -> Page | Outcome:
        """Ask for the page of a cursor, the first with an empty one; gives the outcome if there is no page.

        Raises:
            LedgerUnreachable: The fleet cannot be told.
        """
        result: Answer | RequestFailed
        try:
            result = self.client.list_users(cursor or None, on_left=late_teller(slot, self.limiter))
        except RequestFailed as failed:
            result = failed
        answer = result if isinstance(result, Answer) else None
        status = answer.status if answer else None
        self.ledger.count(counted.request(Endpoint.LIST_USERS, slot.lane, status))
        page = page_of(
            result,
            key_works=self._key_works(result, slot),
            # A probe is to find out whether the key works, whoever makes it.
            is_needed=self.is_needed or slot.is_probe,
            now=datetime.now(UTC),
        )
        if isinstance(page, Page):
            self.limiter.note_success(slot)
            return page
        tell_fleet(
            page,
            answer=answer,
            slot=slot,
            limiter=self.limiter,
            failures_to_close=self.failures_to_close,
        )
        return page

    def _key_works(self, result: Answer | RequestFailed, slot: Slot) -> bool:
        """Tell whether the API has created calls with these credentials; looked up only where it matters.

        A probe of a closed gate is to find out whether the key works, so nothing is known of that.
        """
        if not isinstance(result, Answer) or result.status != 403 or slot.is_probe:
            return False
        return any(batch.created for batch in self.ledger.batches())
