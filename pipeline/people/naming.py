"""Which email addresses a call names in place of user ids, and the call with the ids. Pure.

Invariant: a call is not changed; the one with ids has its keys in the same order, so the same ids give the
same text, letter by letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.call import is_address


def written(address: str) -> str:
    """Return the form in which addresses are compared: no mail system tells capitals apart."""
    return address.strip().lower()


def users_in(call: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every field that names a user, the primaryUser first."""
    if isinstance(call.get("primaryUser"), str):
        yield "primaryUser", call["primaryUser"]
    parties = call.get("parties")
    for place, party in enumerate(parties if isinstance(parties, list | tuple) else ()):
        if isinstance(party, Mapping) and isinstance(party.get("userId"), str):
            yield f"parties.{place}.userId", party["userId"]


def addresses_in(call: Mapping[str, Any]) -> dict[str, str]:
    """Return every address in the place of an id, as it is compared, with its first path; in order."""
    found: dict[str, str] = {}
    for path, user in users_in(call):
        if is_address(user):
            found.setdefault(written(user), path)
    return found


def with_ids(call: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """Return the call with each address of `addresses_in` replaced by its id."""
    changed = dict(call)
    if "primaryUser" in changed:
        changed["primaryUser"] = _id_of(changed["primaryUser"], ids)
    if isinstance(changed.get("parties"), list | tuple):
        changed["parties"] = [_party_with_id(party, ids) for party in changed["parties"]]
    return changed


def _party_with_id(party: Any, ids: Mapping[str, str]) -> Any:
    if not isinstance(party, Mapping) or "userId" not in party:
        return party
    return dict(party) | {"userId": _id_of(party["userId"], ids)}


def _id_of(user: Any, ids: Mapping[str, str]) -> Any:
    return ids.get(written(user), user) if isinstance(user, str) and is_address(user) else user
