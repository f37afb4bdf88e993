"""The list of users before anything is handed in: for a preflight, which has no job and no lease.

Its requests take slots of the backfill lane like all others, and tell the fleet what is answered; but for the
refusal of the list, or of this machine's key or address, for which nothing that is handed in need wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from pipeline.authorization import client_of
from pipeline.consequence import TOKEN_WAIT_MAX_S
from pipeline.errors import AccessAwaited
from pipeline.job import Lane
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter, Notices, Refusal, Slot
from pipeline.outcome import Effect, FleetEffect, Outcome
from pipeline.people.answer import Page
from pipeline.people.asking import Asker
from pipeline.people.directory import KEPT_S, UNKNOWN_MAX_AGE_S, Directory
from pipeline.people.reading import read_users
from pipeline.people.survey import Named, Surveyed, survey
from pipeline.settings import Settings
from pipeline.store import Store

# Another process that reads the list is waited for so long.
PATIENCE_S = 600.0
# Another process that asks for a token, which gives up sooner itself.
TOKEN_PATIENCE_S = 60.0


def _nobody_is_told(_page: Page) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the list of users without a job.

    Attributes:
        tell: Told of each page that was read here.
    """

    directory: Directory
    notices: Notices
    asker: Asker
    tell: Callable[[Page], None] = _nobody_is_told

    @classmethod
    def from_settings(
        cls, settings: Settings, store: Store, *, tell: Callable[[Page], None] = _nobody_is_told
    ) -> Self:
        """Make the reader that the settings describe.

        Raises:
            SettingsInvalid: The API's address or the credentials are missing.
        """
        asker = Asker(
            ledger=Ledger.from_settings(settings, store),
            limiter=Limiter.from_settings(settings, store),
            client=client_of(settings, store),
            failures_to_close=settings.failures_to_close,
            is_needed=False,
        )
        return cls(Directory(store, taken_s=settings.lease_ttl_s), Notices(store), asker, tell)

    def survey(self, named: Mapping[Named, int]) -> list[Surveyed] | Outcome:
        """List the users who cannot have the recordings that name them; or what prevents it.

        A list of today is enough for those whom it takes; for anybody else it is read again, once an hour.

        Raises:
            AccessAwaited, AccessMissing, AccessUnavailable: There is no token to ask the API with.
            LedgerUnreachable: The server cannot be used.
        """
        for max_age_s in (KEPT_S, UNKNOWN_MAX_AGE_S):
            prevented = self.read(max_age_s)
            kept = self.directory.look(within_s=0.0)
            if prevented and not kept.read_at:
                return prevented
            found = survey(named, kept.people)
            if prevented or not found:
                break
        return found

    def read(self, max_age_s: float) -> Outcome | None:
        """Read the list until it is no older than this; None when it is, else what prevents it."""
        gives_up_at = time.monotonic() + PATIENCE_S
        while True:
            prevented = read_users(self.directory, self._ask, max_age_s=max_age_s)
            waits = prevented is not None and prevented.code == "waits_for_users"
            if prevented is None or not waits or time.monotonic() > gives_up_at:
                return prevented
            time.sleep(prevented.retry_after_s or 0.0)

    def _ask(self, cursor: str) -> Page | Outcome:
        slot = self._slot()
        if isinstance(slot, Refusal):
            sentence = f"No request can be made now ({slot.reason}), in {slot.wait_s:.0f} s at the soonest"
            return Outcome(Effect.SNOOZED, FleetEffect.NONE, f"waits_{slot.reason}", sentence)
        page = self.asker.ask(cursor, slot)
        if isinstance(page, Page):
            self.tell(page)
        return page

    def _slot(self) -> Slot | Refusal:
        """Wait for the instant of a slot; for a closed gate or a new day nobody waits here."""
        self.notices.listen()
        missed: Slot | None = None
        while True:
            self._prepare()
            answer = self.asker.limiter.acquire(Lane.BACKFILL, missed=missed)
            missed = None
            if isinstance(answer, Refusal):
                if answer.reason != "second":
                    return answer
                time.sleep(answer.wait_s)
                continue
            slot: Slot | None = answer
            while slot and slot.wait_s > 0:
                slot = self.notices.follow(slot, slot.wait_s)
            if slot and not slot.is_missed:
                return slot
            missed = slot or answer

    def _prepare(self) -> None:
        """See to it that there is something to ask the API with; if not, the fleet is told nothing."""
        gives_up_at = time.monotonic() + TOKEN_PATIENCE_S
        while True:
            try:
                self.asker.client.prepare()
            except AccessAwaited as awaited:
                if time.monotonic() > gives_up_at:
                    raise
                time.sleep(min(awaited.wait_s, TOKEN_WAIT_MAX_S))
            else:
                return
