"""The list of users as the whole fleet keeps it.

It lies in the ledger's server, page by page as it was read; a process has a copy and looks now and then
whether there is a newer one. While a list is read anew the old one stays. It is read by one process at a
time and one page at a time: whoever is killed at it costs a page, and another process goes on from there.

Each method is a script in `lua/`, and raises `LedgerUnreachable` when the server cannot be used.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.errors import RecordingRefused
from pipeline.outcome import Effect, FleetEffect, Outcome
from pipeline.people.answer import UNREADABLE, Page
from pipeline.people.people import People
from pipeline.people.user import decode_page, encode_page
from pipeline.store import Clock, Store

# A list is kept for a day: of 10,000 users it takes 100 requests to read it.
KEPT_S = 24 * 3600.0
# Somebody whom a list of this age does not have may have come since; a list is read again for that no sooner.
UNKNOWN_MAX_AGE_S = 3600.0
# How long a process relies on its copy.
LOOK_INTERVAL_S = 300.0
# Cursors are not promised to hold for long.
READING_MAX_S = 3600.0
# A hundred thousand users: a list without an end has one all the same.
PAGES_MAX = 1000
# How soon those who wait for the list look again.
BUSY_WAIT_S = 2.0
# How long nobody asks for a page that could not be read, and for a list that is refused.
FAILED_WAIT_S, REFUSED_WAIT_S = 5.0, 60.0

_NEVER = float("inf")
_CLOSING = {FleetEffect.CLOSE_RETRY_AFTER, FleetEffect.CLOSE_UNAUTHORIZED, FleetEffect.CLOSE_WRONG_ADDRESS}


@dataclass(frozen=True, slots=True)
class Kept:
    """A process's copy of the list.

    Attributes:
        read_at: When the reading began, as the server told it; empty if there never was one.
        age_s: How old the list was when it was last looked at.
        looked_at: When that was, on this process's `time.monotonic`.
    """

    people: People = field(default_factory=People)
    read_at: str = ""
    age_s: float = _NEVER
    looked_at: float = -_NEVER

    @property
    def age_now_s(self) -> float:
        """Say how old the list is now, in seconds; infinite if there is none."""
        return self.age_s + (time.monotonic() - self.looked_at if self.read_at else 0.0)

    def knows(self, addresses: Iterable[str]) -> bool:
        """Tell whether each of these addresses means somebody, and nobody else."""
        return all(len(self.people.meant_by(address)) == 1 for address in addresses)

    def ids_of(self, addresses: Mapping[str, str]) -> tuple[str, ...]:
        """Return the id for each address, in order.

        Args:
            addresses: As `addresses_in` returns them, with the path of each.

        Raises:
            RecordingRefused: Nobody has one of them (`user_unknown`), or several have (`user_ambiguous`).
        """
        return tuple(self._id_of(address, path) for address, path in addresses.items())

    def _id_of(self, address: str, path: str) -> str:
        users = self.people.meant_by(address)
        if len(users) == 1:
            return users[0].user_id
        if users:
            ids = " and ".join(user.user_id for user in users[:3])
            raise RecordingRefused(
                "user_ambiguous",
                f"{path}: {address!r} is an address of the users {ids} in Gong; "
                "take it from all but one of them, then retry, or give the id",
            )
        raise RecordingRefused(
            "user_unknown",
            f"{path}: no user in Gong has the address {address!r} ({self._told()}); add the user or the "
            "address there, then retry, or give the right one",
        )

    def _told(self) -> str:
        age_min = self.age_now_s / 60
        rest_min = max(0.0, UNKNOWN_MAX_AGE_S / 60 - age_min)
        return f"the users were read {age_min:.0f} min ago, and will be again in {rest_min:.0f} min or later"


class Directory:
    """The list of users of one namespace.

    Args:
        store: The connection to the server.
        taken_s: How long a page is his who took it and was perhaps killed: as long as a lease. One that takes
            longer is asked for twice, no more.
        clock: Instead of the server's, for tests.
    """

    def __init__(self, store: Store, *, taken_s: float, clock: Clock | None = None) -> None:
        self._store = store
        self._taken_s = taken_s
        self._clock = clock
        self._kept = Kept()

    def look(self, addresses: Iterable[str] = (), *, within_s: float = LOOK_INTERVAL_S) -> Kept:
        """Return this process's copy; look for a newer one if that is due, or an address is not known."""
        looked_s = time.monotonic() - self._kept.looked_at
        if looked_s > within_s or not self._kept.knows(addresses):
            self._kept = self._newest()
        return self._kept

    def _newest(self) -> Kept:
        age_ms, read_at, *pages = self._store.run("read_people", self._now(), self._kept.read_at) or (0, "")
        if not read_at:
            return Kept()
        people = self._kept.people
        if read_at != self._kept.read_at:
            people = People(tuple(user for page in pages for user in decode_page(page)))
        return Kept(people, read_at, age_ms / 1000, time.monotonic())

    def take_page(self, max_age_s: float) -> str | Outcome | None:
        """Take the next page that is to be read, unless the list is no older than this.

        Returns:
            The cursor of the page, empty for the first; None if the list is new enough; or what prevents it:
            a wait while another process is at it, or the refusal that the API gave a moment ago.
        """
        times_ms = (round(each_s * 1000) for each_s in (max_age_s, self._taken_s, READING_MAX_S))
        word, *rest = self._store.run("take_page", self._now(), *times_ms)
        if word == "fresh":
            return None
        if word == "read":
            return str(rest[0])
        if word == "refused":
            return Outcome(Effect.DEAD, FleetEffect.NONE, UNREADABLE, rest[1])
        return Outcome(
            Effect.SNOOZED,
            FleetEffect.NONE,
            "waits_for_users",
            "The list of users is being read by another process",
            retry_after_s=min(rest[0] / 1000, BUSY_WAIT_S),
        )

    def add_page(self, cursor: str, page: Page) -> str:
        """Add a page that was read with that cursor; gives the word of the script."""
        return str(self._store.run("add_page", cursor, encode_page(page.users), page.cursor, PAGES_MAX))

    def leave_page(self, cursor: str, outcome: Outcome | None = None) -> None:
        """Leave a page that could not be read to the next process, after a while if the API's list fails.

        Behind a gate that the outcome closes nobody can ask; and who comes as its probe must be able to.
        """
        failed = outcome is not None and outcome.fleet not in _CLOSING
        refused = failed and outcome is not None and outcome.effect is Effect.DEAD
        wait_s = REFUSED_WAIT_S if refused else FAILED_WAIT_S if failed else 0.0
        sentence = outcome.message if refused and outcome else ""
        self._store.run("leave_page", self._now(), cursor, round(wait_s * 1000), sentence, "0")

    def start_again(self, cursor: str) -> None:
        """Give the reading up that came to this cursor; the next one begins with the first page."""
        self._store.run("leave_page", self._now(), cursor, 0, "", "1")

    def _now(self) -> str | float:
        return "" if self._clock is None else round(self._clock() * 1000)
