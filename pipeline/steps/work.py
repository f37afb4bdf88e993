"""The three steps: a leased job in; what is to be recorded out, or the outcome that prevents it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from pipeline.call import check_call, decode_call
from pipeline.errors import IngestError, LeaseLost, MediaRefused, MediaUnavailable, RequestFailed
from pipeline.job import Step
from pipeline.lease import Lease
from pipeline.limiter import Slot
from pipeline.media import MediaStream, open_media, probe
from pipeline.outcome import Answer, Effect, FleetEffect, Outcome, of_create, of_upload
from pipeline.steps.services import Services
from pipeline.steps.slot import wait_for_slot

log = logging.getLogger(__name__)


def validate(lease: Lease, services: Services) -> dict[str, str]:
    """Check the call and look at its media, before any request is made for it."""
    payload = lease.held.payload
    check_call(decode_call(payload.body), has_media=payload.media is not None)
    if payload.media is None:
        return {}
    return {"size_bytes": str(probe(payload.media, services.media_roots).size_bytes)}


def create_call(lease: Lease, services: Services) -> Outcome | dict[str, str]:
    """Create the call, or learn which one this recording already has."""
    slot = wait_for_slot(lease, services)
    result: Answer | IngestError
    try:
        result = services.client.create_call(lease.held.payload.body)
    except RequestFailed as failed:
        result = failed
    outcome = of_create(result, now=datetime.now(UTC))
    _tell_fleet(outcome, result, slot, services)
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
    media = probe(reference, services.media_roots)
    result: Answer | IngestError
    with open_media(media, services.media_roots) as stream:
        slot = wait_for_slot(lease, services)
        began = time.monotonic()
        try:
            result = services.client.upload_media(
                call_id,
                stream,
                file_name=media.file_name,
                content_type=media.content_type,
                on_bytes=lambda _sent: lease.check(),
            )
        except (RequestFailed, MediaRefused, MediaUnavailable) as failed:
            result = failed
        outcome = of_upload(result, call_id=call_id, now=datetime.now(UTC))
        _tell_fleet(outcome, result, slot, services)
        if outcome.effect is Effect.RECORDED:
            return _uploaded(result, stream)
        if isinstance(result, RequestFailed) and stream.count == stream.size_bytes:
            # Every byte was sent: the API may be at it until the request's own deadline.
            ends = began + services.client.upload_deadline_s(stream.size_bytes)
            return replace(outcome, settles_in_s=max(0.0, ends - time.monotonic()))
        return outcome


def _uploaded(result: Answer | IngestError, stream: MediaStream) -> dict[str, str]:
    """Say what is kept of an upload that arrived; the hash only when every byte was sent."""
    details = {"bytes": str(stream.size_bytes)}
    if isinstance(result, Answer) and result.url:
        details["url"] = result.url
    if stream.count == stream.size_bytes:
        details["sha256"] = stream.sha256_hex
    return details


STEPS: Mapping[Step, Callable[[Lease, Services], Outcome | dict[str, str]]] = {
    Step.VALIDATE: validate,
    Step.CREATE_CALL: create_call,
    Step.UPLOAD_MEDIA: upload_media,
}


def _tell_fleet(outcome: Outcome, result: Answer | IngestError, slot: Slot, services: Services) -> None:
    """Work the gate as the outcome says; only an answer of the API speaks for opening it."""
    limiter = services.limiter
    if outcome.fleet is not FleetEffect.NONE:
        log.warning("%s: %s", outcome.code, outcome.message)
    match outcome.fleet:
        case FleetEffect.CLOSE_RETRY_AFTER:
            limiter.close_for(outcome.retry_after_s or 1.0, outcome.message)
        case FleetEffect.CLOSE_UNAUTHORIZED:
            limiter.close_unauthorized(outcome.message, retry_after_s=outcome.retry_after_s or 0.0)
        case FleetEffect.CLOSE_WRONG_ADDRESS:
            limiter.close_wrong_address(outcome.message)
        case FleetEffect.COUNT_FAILURE:
            limiter.note_failure(
                outcome.message,
                failures_to_close=services.settings.failures_to_close,
                retry_after_s=outcome.retry_after_s or 0.0,
            )
        case FleetEffect.NONE if isinstance(result, Answer):
            limiter.note_success(slot)
