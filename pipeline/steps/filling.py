"""The body of a create: what was handed in, with ids for email addresses and a link for media filled in.

Invariants: what is filled in is recorded before the create leaves, so that one whose answer was lost is
posted again letter by letter. Only two things undo that: a refusal by the API for good, and a link of whose
lifetime less than half is left. Such a link is signed anew, because a create that had never arrived would
give Gong an address that ends before it is used; one that had arrived is told by its clientUniqueId anyway.
A link is shown to nobody but the API: whoever has it may read the media.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline.call import decode_call, encode_call
from pipeline.lease import Lease
from pipeline.ledger import Link
from pipeline.media import answer_of, sign_link
from pipeline.outcome import Outcome
from pipeline.people import addresses_in, with_ids
from pipeline.steps.services import Services
from pipeline.steps.users import ids_to_send

_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*")


def body_to_send(lease: Lease, services: Services) -> Outcome | str:
    """Return the body of the create; or what prevents it.

    Raises:
        RecordingRefused: Nobody has one of the addresses, or several have; or the media cannot be linked to.
        MediaUnavailable: The store of the media does not answer.
    """
    payload = lease.held.payload
    call = decode_call(payload.body)
    addresses = addresses_in(call)
    if not addresses and not payload.is_linked:
        return payload.body
    filled = services.filling.fill_in(lease.held)
    fresh: dict[str, str] = {}
    ids = ids_to_send(addresses, filled.users, lease, services)
    if isinstance(ids, Outcome):
        return ids
    if ids != filled.users:
        fresh["users"] = " ".join(ids)
    link = filled.link
    if payload.is_linked and payload.media and not _has_half_left(link, services):
        link = _signed(payload.media, lease, services)
        fresh["link"] = link.encode()
    if fresh:
        services.filling.fill_in(lease.held, **fresh)
    return encode_call(_filled(with_ids(call, dict(zip(addresses, ids, strict=True))), link))


def leave_open(lease: Lease, services: Services) -> None:
    """Forget what was filled in, because the API refused the call for good."""
    payload = lease.held.payload
    if payload.is_linked or addresses_in(decode_call(payload.body)):
        services.filling.fill_in(lease.held, users="", link="")


def without_links(outcome: Outcome) -> Outcome:
    """Take out of the API's words what it may have said of an address: the part that lets others use it."""
    return replace(outcome, message=_QUERY.sub(r"\1?…", outcome.message))


def _has_half_left(link: Link | None, services: Services) -> bool:
    return link is not None and link.ends_at - time.time() >= services.access.link_lifetime_s / 2


def _signed(reference: str, lease: Lease, services: Services) -> Link:
    access = services.access_of(lease.held)
    ends_at = time.time() + access.link_lifetime_s
    url = answer_of(
        lambda: sign_link(reference, access),
        drop=lambda _: None,
        stall_s=services.settings.read_timeout_s,
        watch=lease.check,
    )
    return Link(url, ends_at)


def _filled(call: Mapping[str, Any], link: Link | None) -> Mapping[str, Any]:
    return call if link is None else {**call, "downloadMediaUrl": link.url}
