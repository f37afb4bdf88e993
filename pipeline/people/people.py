"""All users of one reading of the list, and whom an address means. Pure.

A user's own address goes before another's alias: who has it is certain. Among users who have it in the same
way, those who can be a primaryUser go first, as when somebody left and came back as another user. If two are
left, it means none of them: to take either would be to guess whose recording it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pipeline.people.naming import written
from pipeline.people.user import User


@dataclass(slots=True)
class People:
    """Users by their addresses and ids."""

    users: tuple[User, ...] = ()
    _by_address: dict[str, tuple[User, ...]] = field(init=False, repr=False)
    _by_id: dict[str, User] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A page may come twice, when users are added while the list is read; what was read last holds.
        self._by_id = {user.user_id: user for user in self.users}
        self._by_address = {}
        for having in (_by_alias(self._by_id.values()), _by_own_address(self._by_id.values())):
            self._by_address |= {address: _first_choice(users) for address, users in having.items()}

    def meant_by(self, address: str) -> tuple[User, ...]:
        """Return the one whom an address means; none if nobody has it, several if it may be any of them."""
        return self._by_address.get(written(address), ())

    def with_id(self, user_id: str) -> tuple[User, ...]:
        """Return the one with an id; none if there is nobody."""
        user = self._by_id.get(user_id)
        return (user,) if user else ()


def _by_own_address(users: Iterable[User]) -> dict[str, list[User]]:
    return _grouped((user.address, user) for user in users if user.address)


def _by_alias(users: Iterable[User]) -> dict[str, list[User]]:
    return _grouped((alias, user) for user in users for alias in user.aliases)


def _grouped(pairs: Iterator[tuple[str, User]]) -> dict[str, list[User]]:
    found: dict[str, list[User]] = defaultdict(list)
    for address, user in pairs:
        found[address].append(user)
    return found


def _first_choice(users: list[User]) -> tuple[User, ...]:
    return tuple(user for user in users if user.may_host) or tuple(users)
