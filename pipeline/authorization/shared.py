"""The OAuth tokens as one process uses them: what the ledger has, read again when its end comes near.

Invariants: a token is used only after it was stored in the ledger. One process of the fleet at a time asks
for new ones; the others go on with the old ones as long as they hold. Who asked, and stored nothing, may have
the only answer on its disk: whoever is elsewhere lets it come first, until there is hurry.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.authorization.asking import Nothing
from pipeline.authorization.grants import NEVER_AUTHORIZED, Grants
from pipeline.authorization.pair import Pair
from pipeline.errors import AccessAwaited, AccessMissing, AccessUnavailable, IngestError
from pipeline.ledger import Attempt, Busy, Changed, Elsewhere, Stored
from pipeline.settings.address import API_ADDRESS, is_api_address

log = logging.getLogger(__name__)

# New ones are asked for so long before the end: whatever goes wrong, a person has that time.
AHEAD_MAX_S, AHEAD_SHARE = 1800.0, 0.5
# So long before the end whoever may have the answer to the last attempt is waited for no more: that leaves
# time for several attempts, and to try a refresh token that may be used up is better than to have no access.
HURRY_MAX_S, HURRY_SHARE = 300.0, 0.25
# A token is not used in its last moments: a request takes a while to arrive.
LAST_MAX_S, LAST_SHARE = 30.0, 0.1
# How often the tokens may be replaced by others while one process looks at them.
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Held:
    """A pair in use; instants are of `time.monotonic`."""

    version: int
    pair: Pair
    refresh_at: float
    hurry_at: float
    ends_at: float

    @property
    def header(self) -> str:
        """Give the header that is sent."""
        return f"Bearer {self.pair.access_token}"


class SharedTokens:
    """The tokens of the fleet; an `Authorization`.

    Args:
        grants: What lies in the ledger and on the disk.
        refresh: Carries out an attempt that was begun, which others may not make meanwhile; gives why it
            brought nothing, if it did not.
        attempt_s: How long that takes at most.
        base_url: Address of the API; None takes the customer's own, which comes with the tokens.
    """

    def __init__(
        self,
        grants: Grants,
        refresh: Callable[[Attempt], Nothing | None],
        *,
        attempt_s: float,
        base_url: str | None,
    ) -> None:
        self._grants = grants
        self._refresh = refresh
        self._attempt_s = attempt_s
        self._base_url = base_url
        self._held: Held | None = None
        self._refused_version = 0
        # Of which it was said that they are left to another place.
        self._told_version = 0
        self._one_at_a_time = threading.RLock()

    @property
    def base_url(self) -> str:
        """Give the address of the API.

        Raises:
            AccessMissing: The tokens came with none, or with one that is not to be used.
        """
        if self._base_url:
            return self._base_url
        address = self._current().pair.base_url
        if not is_api_address(address):
            raise AccessMissing(
                f"The OAuth tokens came with {address[:100]!r} as the address of the API, which must be "
                f"{API_ADDRESS}. Set GONG_BASE_URL."
            )
        return address

    @property
    def header(self) -> str:
        """Give the header of the tokens that were read last.

        Raises:
            AccessMissing: There are none.
        """
        return self._current().header

    def prepare(self) -> None:
        """See to it that there is a token that holds.

        Raises:
            AccessMissing: There is none, and a person has to do something.
            AccessUnavailable: There is none, and the address that gives them does not answer.
            AccessAwaited: Another process asks for one.
            LedgerUnreachable: The ledger's server cannot be used.
        """
        with self._one_at_a_time:
            if self._held is None or time.monotonic() >= self._held.refresh_at:
                self._read_or_refresh()
            _ = self.base_url  # reading it checks it

    def refused(self, header: str) -> bool:
        """Learn that the API refused this token; tells whether there is another one now."""
        with self._one_at_a_time:
            if self._held and self._held.header == header:
                self._refused_version = self._held.version
                try:
                    self._look()
                except IngestError as error:
                    log.warning("The API refuses the OAuth token, and no other can be read: %s", error)
            return self._held is not None and self._held.header != header

    def _current(self) -> Held:
        if self._held is None:
            raise AccessMissing(NEVER_AUTHORIZED)
        return self._held

    def _read_or_refresh(self) -> None:
        for _ in range(ROUNDS):
            stored = self._look()
            if self._held and time.monotonic() < self._held.refresh_at:
                return
            if not self._grants.refresh_token(stored, self._held.pair if self._held else None):
                self._make_do(AccessMissing(stored.lost or NEVER_AUTHORIZED))
                return
            attempt = Attempt(uuid.uuid4().hex, stored.version)
            try:
                self._grants.tokens.begin(
                    attempt,
                    within_s=self._attempt_s,
                    place=self._grants.spare.place,
                    patience_s=self._patience_s,
                )
            except Busy as busy:
                self._make_do_meanwhile(busy)
                return
            except Changed:
                continue
            if failed := self._refresh(attempt):
                self._look()
                kind = AccessMissing if failed.is_refused else AccessUnavailable
                self._make_do(kind(failed.problem))
                return
        raise AccessAwaited("The OAuth tokens are being replaced again and again.", 1.0)

    def _look(self) -> Stored:
        """Read what the ledger has; a pair is opened once."""
        stored = self._grants.look()
        if not stored.version:
            self._held = None
            return stored
        known = self._held
        pair = known.pair if known and known.version == stored.version else self._grants.open(stored)
        # Refused before its end: no longer of use.
        left_s = 0.0 if stored.version == self._refused_version else stored.left_s
        ends_at = time.monotonic() + left_s
        self._held = Held(
            stored.version,
            pair,
            refresh_at=ends_at - min(AHEAD_MAX_S, AHEAD_SHARE * stored.lifetime_s),
            hurry_at=ends_at - min(HURRY_MAX_S, HURRY_SHARE * stored.lifetime_s),
            ends_at=ends_at - min(LAST_MAX_S, LAST_SHARE * stored.lifetime_s),
        )
        return stored

    @property
    def holds(self) -> bool:
        """Tell whether there is a token that has not ended."""
        return self._held is not None and time.monotonic() < self._held.ends_at

    @property
    def _patience_s(self) -> float:
        """How long another place may be waited for."""
        return max(0.0, self._held.hurry_at - time.monotonic()) if self._held else 0.0

    def _make_do(self, problem: IngestError) -> None:
        """Go on with the token that still holds."""
        if not self.holds:
            raise problem
        ends_at = self._held.ends_at if self._held else 0.0
        log.error("In %.0f s no request can be made any more: %s", ends_at - time.monotonic(), problem)

    def _make_do_meanwhile(self, busy: Busy) -> None:
        if not self.holds:
            raise AccessAwaited(f"The OAuth token has ended; {busy}.", busy.wait_s)
        if isinstance(busy, Elsewhere) and self._held and self._held.version != self._told_version:
            self._told_version = self._held.version
            log.warning("The OAuth tokens are not replaced yet: %s. Let a worker run there.", busy)
