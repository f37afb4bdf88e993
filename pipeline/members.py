"""The members of the fleet by name: the workers that are alive, as they told within the last seconds."""

from __future__ import annotations

from pipeline.ledger import Member
from pipeline.store import Clock, Store

# A script rounds the end of a membership to whole milliseconds: of less than half of one nothing is left.
OVER_AT_ONCE_MS = 0.4


def members_of(store: Store, *, clock: Clock | None = None) -> list[Member]:
    """List the workers that are alive.

    Raises:
        LedgerUnreachable: The server does not answer.
        LedgerRefused: It refuses to be asked.
    """
    return [
        Member.from_answer(*answer) for answer in store.run("members", round(clock() * 1000) if clock else "")
    ]


def try_to_join(store: Store, machine: str) -> None:
    """Do what a worker does to tell that it is alive; the membership is over before anybody can see it.

    Raises:
        LedgerUnreachable: The server does not answer, or takes no writes now.
        LedgerRefused: It refuses what a worker asks.
        SettingsInvalid: It is one that workers do not use.
    """
    store.check_server()
    store.run("join_fleet", "", f"alive@{machine}", 0, 0, OVER_AT_ONCE_MS, "")
