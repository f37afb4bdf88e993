"""A user, as the API tells of one and as a page of users is kept. Pure.

The API adds fields without notice and may leave some out: a user without an id is passed over, everything
else that is absent is not held against anybody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.people.naming import written

_USER_ID = re.compile(r"[0-9]{1,20}")


class User(NamedTuple):
    """A user of the company.

    Attributes:
        user_id: 1 to 20 digits.
        active: Whether the user is active in Gong.
        calls_imported: `settings.telephonyCallsImported`: whether the user can be a primaryUser (API.md).
        address: The user's own email address, as it is compared; empty if there is none.
        aliases: Further ones.
    """

    user_id: str
    active: bool
    calls_imported: bool
    address: str
    aliases: tuple[str, ...]

    @property
    def may_host(self) -> bool:
        """Tell whether the user can be a primaryUser."""
        return self.active and self.calls_imported


def users_of(listed: Iterable[object]) -> Iterator[User]:
    """Yield the users of one page of `GET /v2/users` (`openapi.json`, UserMetadata)."""
    for fields in listed:
        if isinstance(fields, Mapping) and (user_id := _user_id(fields.get("id"))):
            settings = fields.get("settings")
            imported = settings.get("telephonyCallsImported") if isinstance(settings, Mapping) else None
            address = _addresses([fields.get("emailAddress")])
            yield User(
                user_id=user_id,
                active=fields.get("active") is not False,
                calls_imported=imported is not False,
                address=address[0] if address else "",
                aliases=_addresses(fields.get("emailAliases")),
            )


def encode_page(users: Iterable[User]) -> str:
    """Write the users of a page as they are kept: some 60 bytes each."""
    rows = [
        [user.user_id, user.active + 2 * user.calls_imported, user.address, *user.aliases] for user in users
    ]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)


def decode_page(text: str) -> Iterator[User]:
    """Read what `encode_page` wrote."""
    for user_id, flags, address, *aliases in json.loads(text):
        yield User(user_id, bool(flags & 1), bool(flags & 2), address, tuple(aliases))


def _user_id(value: Any) -> str | None:
    # An id as a number would be a breach of API.md, yet nothing of it is lost.
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if _USER_ID.fullmatch(text) else None


def _addresses(values: object) -> tuple[str, ...]:
    texts = (
        written(value) for value in (values if isinstance(values, list) else []) if isinstance(value, str)
    )
    # Half of a surrogate pair is in no address, and could not be kept.
    return tuple(dict.fromkeys(text for text in texts if "@" in text and text.isprintable()))
