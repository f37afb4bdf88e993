"""Users whom recordings name and who cannot have them, with how many recordings hang on each. Pure.

The API refuses an unknown user and answers 409 to each recording of a primaryUser who is not enabled for
telephony import or is inactive (API.md). Of somebody who is a party only, nothing but the address matters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from pipeline.call import is_address
from pipeline.people.naming import users_in, written
from pipeline.people.people import People


class Standing(StrEnum):
    """Why recordings of a user will not be taken."""

    UNKNOWN = "user_unknown"
    AMBIGUOUS = "user_ambiguous"
    INACTIVE = "user_inactive"
    NOT_ENABLED = "primary_user_not_enabled"


class Named(NamedTuple):
    """A user as recordings name them: by id, or by address as it is compared.

    Attributes:
        hosts: Whether as the primaryUser; otherwise only as a party.
    """

    user: str
    hosts: bool


class Surveyed(NamedTuple):
    """A user who cannot have the recordings that name them, and how many these are."""

    user: str
    standing: Standing
    recordings: int

    @property
    def sentence(self) -> str:
        """Say what is wrong and what to do."""
        return f"{self.user} {_SENTENCES[self.standing]}"


_SENTENCES = {
    Standing.UNKNOWN: "is nobody's id or address in Gong; add the user or the address there, or correct it",
    Standing.AMBIGUOUS: "is an address of several users in Gong; take it from all but one, or give the id",
    Standing.INACTIVE: "is not active in Gong; activate the user, or name another",
    Standing.NOT_ENABLED: "is not enabled for the import of telephony calls; enable it in Gong",
}


def named_in(call: Mapping[str, Any]) -> frozenset[Named]:
    """Return the users whom one call names, each once: to be counted call by call."""
    named: dict[str, bool] = {}
    for path, user in users_in(call):
        text = written(user) if is_address(user) else user
        named[text] = named.get(text, False) or path == "primaryUser"
    return frozenset(Named(user, hosts) for user, hosts in named.items())


def survey(named: Mapping[Named, int], people: People) -> list[Surveyed]:
    """List the users who cannot have the recordings that name them, those with most recordings first.

    Args:
        named: How many recordings name each: the sum of `named_in` over all of them.
        people: The users of the company.
    """
    found: Counter[tuple[str, Standing]] = Counter()
    for each, recordings in named.items():
        standing = _standing(each, people)
        if standing is not None:
            found[each.user, standing] += recordings
    return [
        Surveyed(user, standing, recordings)
        for (user, standing), recordings in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]


def count_named(calls: Iterable[Mapping[str, Any]]) -> Counter[Named]:
    """Count how many of these calls name each user."""
    return Counter(named for call in calls for named in named_in(call))


def _standing(named: Named, people: People) -> Standing | None:
    users = people.meant_by(named.user) if is_address(named.user) else people.with_id(named.user)
    if len(users) != 1:
        return Standing.AMBIGUOUS if users else Standing.UNKNOWN
    if not named.hosts or users[0].may_host:
        return None
    return Standing.NOT_ENABLED if users[0].active else Standing.INACTIVE
