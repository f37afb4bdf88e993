"""The users whom the recordings of a manifest name, and how many name each.

Invariants: the users of a row are those of `people.named_in`. Memory does not grow with the rows: no company
has as many users as are counted here, but a wrong column names another one in each row. Who is counted is so
in every row; of all others it is counted how many rows name them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pipeline.people import Named, named_in

USERS_COUNTED = 50_000
"""Of so many users, the first that are named, the rows are counted."""
# Most calls of a manifest name the same few users, in the same places.
_REMEMBERED = 4096

Lines = Mapping[frozenset[Named], Sequence[int]]
"""The lines of rows, by the users whom they name."""


def users_of(call: Mapping[str, Any]) -> frozenset[Named]:
    """Return the users whom a call names that is right: as `named_in`, which takes longer."""
    parties = call.get("parties") or ()
    return _users_called(call.get("primaryUser"), *[party.get("userId") for party in parties])


@lru_cache(_REMEMBERED)
def _users_called(primary: str | None, *parties: str | None) -> frozenset[Named]:
    return named_in({"primaryUser": primary, "parties": [{"userId": user} for user in parties]})


@dataclass(slots=True)
class NamedUsers:
    """Counts users.

    Attributes:
        recordings: How many recordings name each.
        rows_beyond: Rows that name anybody else.
    """

    recordings: Counter[Named] = field(default_factory=Counter)
    rows_beyond: int = 0

    def add(self, lines: Lines, leaving_out: Collection[int] = ()) -> None:
        """Count the users of rows, but for those of some lines."""
        for users, named in lines.items():
            rows = sum(line not in leaving_out for line in named) if leaving_out else len(named)
            if rows and not self._count(users, rows):
                self.rows_beyond += rows

    def _count(self, users: frozenset[Named], rows: int) -> bool:
        """Count rows of the same users; tells whether all of these are counted."""
        recordings, all_are = self.recordings, True
        for user in sorted(users):  # which of them are the first depends on no hash
            if user in recordings or len(recordings) < USERS_COUNTED:
                recordings[user] += rows
            else:
                all_are = False
        return all_are
