"""The users whom a call names by email address: found before its create, and the same ones until its answer.

Invariants: a call without addresses costs nothing here, no request and no round trip. Only when the API has
refused the call are its ids open again: then somebody may have given the address to another user.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.call import check_call
from pipeline.lease import Lease
from pipeline.outcome import Effect, Outcome
from pipeline.people import (
    KEPT_S,
    UNKNOWN_MAX_AGE_S,
    Asker,
    Page,
    addresses_in,
    read_users,
    with_ids,
)
from pipeline.steps.services import Services
from pipeline.steps.slot import wait_for_slot


def users_of_call(call: Mapping[str, Any], lease: Lease, services: Services) -> Outcome | dict[str, str]:
    """Find whom a call's addresses mean, and return what is to be recorded of it, or what prevents it.

    Raises:
        RecordingRefused: Nobody has one of the addresses, or several have.
        CallInvalid: With the ids it breaks a rule.
    """
    addresses = addresses_in(call)
    if not addresses:
        return {}
    ids = _find(addresses, lease, services)
    if isinstance(ids, Outcome):
        return ids
    check_call(with_ids(call, dict(zip(addresses, ids, strict=True))))
    return {"users": " ".join(ids)}


def ids_to_send(
    addresses: Mapping[str, str], ids: tuple[str, ...], lease: Lease, services: Services
) -> Outcome | tuple[str, ...]:
    """Return the ids that were recorded for the addresses; where they are open again, find them anew.

    Raises:
        RecordingRefused: Nobody has one of the addresses, or several have.
    """
    if len(ids) == len(addresses):
        return ids
    # The API refused the call, and a person brought it back: something was changed there.
    return _find(addresses, lease, services, was_refused=True)


def _find(
    addresses: Mapping[str, str], lease: Lease, services: Services, *, was_refused: bool = False
) -> Outcome | tuple[str, ...]:
    """Return the ids of the addresses, in order; the list is read anew if it is too old for that."""
    directory = services.directory
    kept = directory.look(addresses)
    is_changed = was_refused or not kept.knows(addresses)
    max_age_s = UNKNOWN_MAX_AGE_S if is_changed else KEPT_S
    if kept.age_now_s > max_age_s:
        prevented = read_users(directory, lambda cursor: _ask(cursor, lease, services), max_age_s=max_age_s)
        kept = directory.look(addresses, within_s=0.0)
        # Whom the old list knows need not wait for the new one, unless the API refused what the old one says.
        waits = prevented is not None and was_refused and prevented.effect is not Effect.DEAD
        if prevented and (waits or not kept.knows(addresses)):
            return prevented
    return kept.ids_of(addresses)


def _ask(cursor: str, lease: Lease, services: Services) -> Page | Outcome:
    """Ask for a page of users in a slot of the job's lane."""
    slot = wait_for_slot(lease, services)
    asker = Asker(
        ledger=services.ledger,
        limiter=services.limiter,
        client=services.client,
        failures_to_close=services.settings.failures_to_close,
    )
    return asker.ask(cursor, slot)
