"""The people whom calls name: email addresses in place of user ids, and who of them can have calls.

The API knows users by id. A call may name them by email address instead, in `primaryUser` and in the `userId`
of its parties; the address is replaced by the id when the call is sent. An id needs nothing of what is here.

    naming      which addresses a call names, and the call with ids in their place
    user        a user, a page of users as the API answers it and as it is kept
    people      all users of one reading, and whom an address means
    answer      what each answer of `GET /v2/users` does
    asking      one request for a page, and what its answer does to the fleet
    directory   the list as the whole fleet keeps it, and the ids that were sent for a job
    reading     page by page to a list that is new enough, by one process at a time
    ahead       the same before anything is handed in
    survey      users who are unknown, inactive or not enabled, and how many recordings hang on each

Invariants: what is not known of a user (a field that is absent) is never held against them. An address that
may mean two users means none. What was sent once, with an outcome that is not known, is sent again as it was.
Waiting for a slot, and what an outcome does to a job, is left to `steps`.

What needs the ledger or the API is imported when it is asked for: who counts users waits for none of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pipeline.people.naming import addresses_in, with_ids
from pipeline.people.people import People
from pipeline.people.survey import Named, Standing, Surveyed, count_named, named_in, survey
from pipeline.people.user import User

if TYPE_CHECKING:
    from pipeline.people.ahead import Reader
    from pipeline.people.answer import Page, page_of
    from pipeline.people.asking import Asker
    from pipeline.people.directory import KEPT_S, UNKNOWN_MAX_AGE_S, Directory, Kept
    from pipeline.people.reading import Ask, read_users

__all__ = [
    "KEPT_S",
    "UNKNOWN_MAX_AGE_S",
    "Ask",
    "Asker",
    "Directory",
    "Kept",
    "Named",
    "Page",
    "People",
    "Reader",
    "Standing",
    "Surveyed",
    "User",
    "addresses_in",
    "count_named",
    "named_in",
    "page_of",
    "read_users",
    "survey",
    "with_ids",
]

_MODULES = {
    "Reader": "ahead",
    "Page": "answer",
    "page_of": "answer",
    "Asker": "asking",
    "KEPT_S": "directory",
    "UNKNOWN_MAX_AGE_S": "directory",
    "Directory": "directory",
    "Kept": "directory",
    "Ask": "reading",
    "read_users": "reading",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
