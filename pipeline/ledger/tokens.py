"""The OAuth tokens that the fleet shares, as they lie in the ledger: sealed, replaced by one at a time.

Invariants: a pair replaces the one that it was given for, and no newer one. Where somebody asked, and neither
stored a pair nor ended the attempt, the answer may lie: whoever can wait lets that place come first. Nothing
here can open a seal.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.store import Clock, Store


@dataclass(frozen=True, slots=True)
class Stored:
    """What lies there.

    Attributes:
        version: Grows with each pair; 0 when there is none.
        sealed: The pair.
        left_s, lifetime_s: How long its access token holds from now on, and for how long it was given.
        lost: Why no refresh can succeed; a person has to authorize anew.
        is_seed_used: Whether the refresh token of the settings that was asked about was used up.
    """

    version: int
    sealed: str
    left_s: float
    lifetime_s: float
    lost: str
    is_seed_used: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to refresh the tokens of a version, that no other process makes meanwhile."""

    name: str
    version: int


class Changed(Exception):
    """The tokens were replaced meanwhile."""


class Busy(Exception):
    """Another process asks for new tokens, for `wait_s` at most."""

    def __init__(self, wait_s: float, who: str = "another process asks for tokens") -> None:
        super().__init__(f"{who}, for {wait_s:.1f} s at most")
        self.wait_s = wait_s


class Elsewhere(Busy):
    """Another place is to come first, for `wait_s` at most: the answer to the last attempt may lie there."""

    def __init__(self, wait_s: float, place: str) -> None:
        super().__init__(wait_s, f"the answer to the last attempt may lie at {place}, which comes first")


class Tokens:
    """The tokens of one namespace. Every method raises `LedgerUnreachable`."""

    def __init__(self, store: Store, *, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock

    def look(self, seed: str = "") -> Stored:
        """See what lies there; `seed` is the fingerprint of the refresh token in the settings."""
        version, sealed, left_ms, lifetime_ms, lost, used = self._store.run("tokens", self._now(), seed)
        return Stored(version, sealed, left_ms / 1000, lifetime_ms / 1000, lost, bool(used))

    def begin(self, attempt: Attempt, *, within_s: float, place: str = "", patience_s: float = 0.0) -> None:
        """Begin an attempt, which ends within so long; an end further away is nobody's.

        Args:
            attempt: To begin.
            within_s: How long no other may begin.
            place: Where the answer would be kept beside the ledger; empty if nowhere.
            patience_s: How long another place may be waited for.

        Raises:
            Changed: There are other tokens now.
            Busy: Another attempt is under way.
            Elsewhere: The last one neither ended nor stored anything, and another place asked.
        """
        state, *rest = self._store.run(
            *("begin_refresh", self._now(), attempt.name, round(within_s * 1000), attempt.version),
            *(place, round(patience_s * 1000)),
        )
        if state == "changed":
            raise Changed
        if state == "busy":
            raise Busy(rest[0] / 1000)
        if state == "elsewhere":
            raise Elsewhere(rest[0] / 1000, rest[1])

    def note_asking(self, attempt: Attempt, place: str) -> bool:
        """Note where an attempt asks from, right before it does; False if it is not to ask any more."""
        return bool(self._store.run("note_refresh", attempt.name, attempt.version, place))

    def replace(self, version: int | None, sealed: str, *, lifetime_s: float, seed: str = "") -> bool:
        """Store a pair in the place of a version's, None for whatever is there; False if that is gone."""
        replaced = "" if version is None else version
        return bool(
            self._store.run("store_tokens", self._now(), replaced, sealed, round(lifetime_s * 1000), seed)
        )

    def end(self, attempt: Attempt, *, wait_s: float, lost: str = "", seed: str = "") -> None:
        """End an attempt that brought nothing; nobody asks again before the wait is over."""
        self._store.run(
            "end_refresh", self._now(), attempt.name, round(wait_s * 1000), attempt.version, lost, seed
        )

    def _now(self) -> str | int:
        return "" if self._clock is None else round(self._clock() * 1000)
