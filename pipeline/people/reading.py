"""Page by page to a list of users that is new enough, by one process at a time.

How a page is asked for, with its slot, and what an outcome does to the fleet, is left to who asks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from pipeline.errors import LedgerRefused, LedgerUnreachable
from pipeline.outcome import Effect, Outcome
from pipeline.people.answer import Page
from pipeline.people.directory import PAGES_MAX, Directory

log = logging.getLogger(__name__)

Ask = Callable[[str], Page | Outcome]
"""Asks for the page of a cursor, the first with an empty one; gives the outcome if there is no page."""


def read_users(directory: Directory, ask: Ask, *, max_age_s: float) -> Outcome | None:
    """Read pages until the list is no older than this; None when it is, else what prevents it.

    Raises:
        LedgerUnreachable: The server cannot be used; what was read is kept.
    """
    while True:
        taken = directory.take_page(max_age_s)
        if not isinstance(taken, str):
            return taken
        page = _asked(directory, ask, taken)
        if isinstance(page, Outcome):
            return page
        if directory.add_page(taken, page) == "looped":
            log.warning(
                "The list of users names a page again that it gave before, or has more than %d: "
                "what was read so far is taken for all of it.",
                PAGES_MAX,
            )


def _asked(directory: Directory, ask: Ask, cursor: str) -> Page | Outcome:
    """Ask for a page; leave it to others if it does not come."""
    try:
        answer = ask(cursor)
    except BaseException:  # Ctrl-C as well: nobody else is to wait for who is gone
        with suppress(LedgerUnreachable, LedgerRefused):
            directory.leave_page(cursor)
        raise
    if isinstance(answer, Page):
        return answer
    if answer.effect is Effect.DEAD and cursor:
        # The first page came; a cursor that is refused has most likely become too old.
        directory.start_again(cursor)
        return replace(answer, effect=Effect.BACKOFF)
    directory.leave_page(cursor, answer)
    return answer
