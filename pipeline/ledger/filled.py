"""What is filled into a job's create when it is sent, beside what was handed in.

Invariant: it is recorded before the create leaves, so that one whose answer was lost is posted again letter
by letter. It is forgotten when the API has refused the call for good, and when the job is done.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from pipeline.errors import LeaseLost
from pipeline.job import Held
from pipeline.store import Store


class Link(NamedTuple):
    """A signed address of the job's media: whoever has it may read the media, so nobody is shown it.

    Attributes:
        ends_at: Until when it may be used, in seconds since the epoch.
    """

    url: str
    ends_at: float

    def encode(self) -> str:
        """Write it as the ledger keeps it."""
        return f"{self.ends_at:.0f} {self.url}"

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what `encode` wrote."""
        ends_at, _, url = text.partition(" ")
        return cls(url, float(ends_at))


class Filled(NamedTuple):
    """What is filled in.

    Attributes:
        users: Ids for the email addresses of `addresses_in`, in their order; none while they are open.
        link: None while there is none.
    """

    users: tuple[str, ...] = ()
    link: Link | None = None


class Filling:
    """What is filled into the creates of one namespace; raises `LedgerUnreachable` as the ledger does."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def fill_in(self, held: Held, **values: str) -> Filled:
        """Record what is filled into a create, `users` or `link`, empty to forget it; gives all that is.

        Raises:
            LeaseLost: The lease is lost; nothing was written.
        """
        pairs = [text for pair in values.items() for text in pair]
        answer = self._store.run("fill_in", held.job_id, held.lease_token, held.run, *pairs)
        if answer is None:
            raise LeaseLost(f"The lease on job {held.job_id} was lost to another attempt.")
        users, link = answer
        return Filled(tuple(users.split()), Link.decode(link) if link else None)
