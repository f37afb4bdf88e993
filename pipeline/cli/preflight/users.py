"""The users whom a manifest's recordings name, looked up in Gong's list when its rows were read.

Invariants: the check of the rows stands without it. Whatever keeps the list from being read is told in a
sentence and stops nothing, and behind a closed gate nobody waits. Where there is no ledger yet one is begun,
which keeps the list and counts the requests for it; but not without credentials.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline.cli.preflight.progress import reading_users
from pipeline.cli.session import Session, session
from pipeline.errors import IngestError
from pipeline.people import Named, Surveyed
from pipeline.preflight import NamedUsers
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.limiter import Limiter
    from pipeline.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Users:
    """What came of the users.

    Attributes:
        looked_at: Whether those who are named were looked up.
        obstacle: Why they were not, and what to do, in sentences; empty where that was wished.
        named: How many users the recordings name that are to come.
        refused: Those who cannot have the recordings that name them, as they are in Gong now; the ones with
            most recordings first.
        rows_beyond: Rows that name others as well, who were too many to be counted.
    """

    looked_at: bool = False
    obstacle: str = ""
    named: int = 0
    refused: Sequence[Surveyed] = ()
    rows_beyond: int = 0

    def standings(self) -> dict[str, int]:
        """Count those who are refused by what is wrong with them."""
        return dict(Counter(str(each.standing) for each in self.refused))


def look_at_users(
    named: NamedUsers, settings: Settings, opened: Session | None, console: Console, *, wanted: bool
) -> Users:
    """Look the users up whom recordings name; `opened` is the ledger that there is already."""
    count = len({each.user for each in named.recordings})
    found = _found(named.recordings, settings, opened, console) if wanted and count else ()
    if isinstance(found, str):
        return Users(obstacle=found, named=count, rows_beyond=named.rows_beyond)
    return Users(looked_at=wanted, named=count, refused=found, rows_beyond=named.rows_beyond)


def _found(
    recordings: Mapping[Named, int], settings: Settings, opened: Session | None, console: Console
) -> Sequence[Surveyed] | str:
    try:
        settings.require_credentials()
        with ExitStack() as stack:
            tell = stack.enter_context(reading_users(console))
            return _survey(recordings, opened or stack.enter_context(session(settings)), tell)
    except (IngestError, OSError) as error:
        return f"{str(error).rstrip('.')}."


def _survey(
    recordings: Mapping[Named, int], opened: Session, tell: Callable[[int], None]
) -> Sequence[Surveyed] | str:
    from pipeline.people import Reader

    reader = Reader.from_settings(opened.settings, opened.store, tell=lambda page: tell(len(page.users)))
    with reader.asker.client, _told_once():
        found = reader.survey(recordings)
    return found if isinstance(found, list) else _obstacle(found, opened.limiter)


def _obstacle(outcome: Outcome, limiter: Limiter) -> str:
    gate = limiter.gate() if outcome.code.startswith("waits_") else None
    if gate:
        return f"Nothing is sent at the moment: {gate.sentence}"
    if outcome.code == "waits_day":
        return "All requests of the day are used; check again when there are some."
    return f"{outcome.message.rstrip('.')}."


@contextmanager
def _told_once() -> Iterator[None]:
    """Keep what an outcome does to the fleet from being told beside what it is."""
    logger = logging.getLogger("pipeline.consequence")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
