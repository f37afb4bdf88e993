"""The three steps: a leased job in; what is to be recorded out, or the outcome that prevents it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from pipeline.call import check_call, decode_call
from pipeline.consequence import late_teller, tell_fleet
from pipeline.errors import (
    IngestError,
    LeaseLost,
    MediaRefused,
    MediaUnavailable,
    RequestFailed,
    WorkerStopping,
)
from pipeline.history import Endpoint, counted
from pipeline.job import Step
from pipeline.lease import Lease
from pipeline.limiter import Slot
from pipeline.media import Media, MediaStream, answer_of, may_link, not_linked, open_media, probe
from pipeline.outcome import Answer, Effect, Outcome, of_create, of_upload
from pipeline.steps.filling import body_to_send, leave_open, without_links
from pipeline.steps.services import Services
from pipeline.steps.slot import wait_for_slot
from pipeline.steps.users import users_of_call

FromSource = TypeVar("FromSource")


def validate(lease: Lease, services: Services) -> Outcome | dict[str, str]:
    """Check the call and look at its media, before any request is made; find whom its addresses mean."""
    payload = lease.held.payload
    call = decode_call(payload.body)
    check_call(call, has_media=payload.media is not None)
    details = {}
    if payload.media is not None:
        if payload.is_linked and not may_link(payload.media, services.access_of(lease.held)):
            raise not_linked(payload.media)
        details["size_bytes"] = str(_probe(payload.media, lease, services).size_bytes)
    users = users_of_call(call, lease, services)
    return users if isinstance(users, Outcome) else details | users


def create_call(lease: Lease, services: Services) -> Outcome | dict[str, str]:
    """Create the call, or learn which one this recording already has."""
    body = body_to_send(lease, services)
    if isinstance(body, Outcome):
        return body
    slot = wait_for_slot(lease, services)
    result: Answer | IngestError
    try:
        result = services.client.create_call(body, on_left=late_teller(slot, services.limiter))
    except RequestFailed as failed:
        result = failed
    outcome = without_links(of_create(result, now=datetime.now(UTC)))
    _tell_fleet(Endpoint.CREATE_CALL, outcome, result, slot, services)
    if outcome.effect is Effect.DEAD:
        services.ledger.note_refusal(lease.held)
        leave_open(lease, services)
    if outcome.effect is not Effect.RECORDED or outcome.call_id is None:
        return outcome
    details = {"call_id": outcome.call_id}
    # The call was there before this job posted it: somebody else's, or of a ledger that was lost.
    if outcome.existing and not lease.held.posted:
        details["adopted"] = "1"
    return details


def upload_media(lease: Lease, services: Services) -> Outcome | dict[str, str]:
    """Send the media of a created call, exactly the bytes that are there."""
    reference, call_id = lease.held.payload.media, lease.held.call_id
    if reference is None or call_id is None:
        raise LeaseLost(f"Job {lease.held.job_id} has no call or no media to upload.")
    result: Answer | IngestError
    media, stream = _open(reference, lease, services)
    with stream:
        slot = wait_for_slot(lease, services)
        began = time.monotonic()
        try:
            result = services.client.upload_media(
                call_id,
                stream,
                file_name=media.file_name,
                content_type=media.content_type,
                on_left=late_teller(slot, services.limiter),
                on_bytes=lambda sent_bytes: lease.check_progress(sent_bytes, media.size_bytes),
            )
        except (RequestFailed, MediaRefused, MediaUnavailable) as failed:
            result = failed
        except (LeaseLost, WorkerStopping):
            services.ledger.count(counted.request(Endpoint.UPLOAD_MEDIA, slot.lane, None))
            raise
        services.ledger.count(counted.upload(stream.count, time.monotonic() - began))
        outcome = of_upload(result, call_id=call_id, now=datetime.now(UTC))
        _tell_fleet(Endpoint.UPLOAD_MEDIA, outcome, result, slot, services)
        if outcome.effect is Effect.RECORDED:
            return _uploaded(outcome, result, stream)
        if isinstance(result, RequestFailed) and stream.count == stream.size_bytes:
            # Every byte was sent: the API may be at it until the request's own deadline.
            ends = began + services.client.upload_deadline_s(stream.size_bytes)
            return replace(outcome, settles_in_s=max(0.0, ends - time.monotonic()))
        return outcome


def _probe(reference: str, lease: Lease, services: Services) -> Media:
    access = services.access_of(lease.held)
    return _ask(lambda: probe(reference, access), lambda _: None, lease, services)


def _open(reference: str, lease: Lease, services: Services) -> tuple[Media, MediaStream]:
    access = services.access_of(lease.held)
    media, stream = _ask(lambda: open_media(reference, access), lambda late: late[1].close(), lease, services)
    stream.be_watched(lease.check, stall_s=services.settings.read_timeout_s)
    return media, stream


def _ask(
    ask: Callable[[], FromSource], drop: Callable[[FromSource], None], lease: Lease, services: Services
) -> FromSource:
    """Ask where the media lies, which may never answer."""
    return answer_of(ask, drop=drop, stall_s=services.settings.read_timeout_s, watch=lease.check)


def _uploaded(outcome: Outcome, result: Answer | IngestError, stream: MediaStream) -> dict[str, str]:
    """Say what is kept of an upload that arrived; the hash only when every byte was sent.

    Of media that an earlier attempt brought nothing is: the file may have been replaced since.
    """
    details = {"url": result.url} if isinstance(result, Answer) and result.url else {}
    if outcome.code == "already_handled":
        # That there is media is known by this, whatever its size.
        return details | {"bytes": ""}
    details["bytes"] = str(stream.size_bytes)
    if stream.count == stream.size_bytes:
        details["sha256"] = stream.sha256_hex
    return details


STEPS: Mapping[Step, Callable[[Lease, Services], Outcome | dict[str, str]]] = {
    Step.VALIDATE: validate,
    Step.CREATE_CALL: create_call,
    Step.UPLOAD_MEDIA: upload_media,
}


def _tell_fleet(
    endpoint: Endpoint, outcome: Outcome, result: Answer | IngestError, slot: Slot, services: Services
) -> None:
    answer = result if isinstance(result, Answer) else None
    services.ledger.count(counted.request(endpoint, slot.lane, answer.status if answer else None))
    tell_fleet(
        outcome,
        answer=answer,
        slot=slot,
        limiter=services.limiter,
        failures_to_close=services.settings.failures_to_close,
    )
