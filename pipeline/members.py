"""The members of the fleet by name: the workers that are alive, as they told within the last seconds."""

from __future__ import annotations

from pipeline.ledger import Member
from pipeline.store import Clock, Store


def members_of(store: Store, *, clock: Clock | None = None) -> list[Member]:
    """List the workers that are alive.

    Raises:
        LedgerUnreachable: The server does not answer.
        LedgerRefused: It refuses to be asked.
    """
    return [
        Member.from_answer(*answer) for answer in store.run("members", round(clock() * 1000) if clock else "")
    ]
