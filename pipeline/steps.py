"""The steps of a chain: validate, create_call, upload_media. A job and its services in, what comes next out.

Invariants: a step shows its lease token before it starts, again before its request leaves, and with every
write. A request leaves only with a slot from the limiter, at its instant. What an answer does stands in
`outcome`; this module carries it out on the job (`ledger`) and on the fleet (`limiter`).
How a step comes to run, and how the next one does, is left to `workers`.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import random
from typing import Self

from pipeline.call import check_call, decode_call
from pipeline.errors import (
    LeaseLost,
    MediaRefused,
    MediaUnavailable,
    RecordingRefused,
    RequestFailed,
)
from pipeline.gong import GongClient
from pipeline.job import Held, Reason, State, Step, Wait
from pipeline.lease import Lease
from pipeline.ledger import Ledger
from pipeline.limiter import LATE_S, Limiter, Refusal, Slot
from pipeline.media import open_media, probe
from pipeline.outcome import Effect, FleetEffect, Outcome, backoff_s, of_create, of_upload
from pipeline.settings import Settings
from pipeline.store import Store

log = logging.getLogger(__name__)

# A wait for a slot up to this long is slept in the task.
SLEEP_MAX_S = 2.0
# A wait up to this long keeps the lease and its message; a longer one goes back to the ledger.
COUNTDOWN_MAX_S = 60.0
# A task that finds others ahead of it asks again for so long, then lets its process do other work.
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Services:
    """What the steps work with."""

    ledger: Ledger
    limiter: Limiter
    client: GongClient
    settings: Settings
    media_roots: tuple[Path, ...]
    random: Callable[[], float] = random

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Connect to everything that the settings name.

        Raises:
            SettingsInvalid: The server, the API's address or the credentials are missing.
        """
        store = Store.from_settings(settings)
        return cls(
            ledger=Ledger.from_settings(settings, store),
            limiter=Limiter.from_settings(settings, store),
            client=GongClient.from_settings(settings),
            settings=settings,
            media_roots=settings.media_roots,
        )


@dataclass(frozen=True, slots=True)
class GoOn:
    """The step is recorded; the chain goes on."""


@dataclass(frozen=True, slots=True)
class Again:
    """The same step runs again after a wait, under the same lease."""

    wait_s: float
    code: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The chain ends here: the job is in the state told, or (None) it is another attempt's business."""

    state: State | None
    code: str
    message: str


Next = GoOn | Again | Stop


class NoSlot(Exception):
    """There is no slot for the request now."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def run_step(step: Step, job_id: str, lease_token: int, services: Services) -> Next:
    """Run one delivery of one step.

    Raises:
        LedgerUnreachable: What happened could not be written; the job is claimed again when its lease ends.
    """
    try:
        held = services.ledger.begin_step(job_id, lease_token, step, run=uuid.uuid4().hex)
        with Lease(services.ledger, held) as lease:
            return _attempt(lease, services)
    except LeaseLost as lost:
        return Stop(None, "lease_lost", str(lost))


def _attempt(lease: Lease, services: Services) -> Next:
    try:
        details = STEPS[lease.held.step](lease, services)
    except NoSlot as none:
        return _wait_elsewhere(lease.held, none.refusal, services)
    except RecordingRefused as refused:
        return _settle(
            lease.held, Outcome(Effect.DEAD, FleetEffect.NONE, refused.code, str(refused)), services
        )
    except MediaUnavailable as error:
        unavailable = Outcome(Effect.BACKOFF, FleetEffect.NONE, "media_unavailable", str(error))
        return _settle(lease.held, unavailable, services)
    if isinstance(details, Outcome):
        return _settle(lease.held, details, services)
    services.ledger.record_step(lease.held, details)
    return GoOn()


def validate(lease: Lease, services: Services) -> dict[str, str]:
    """Check the call and look at its media, before any request is made for it."""
    payload = lease.held.payload
    check_call(decode_call(payload.body), has_media=payload.media is not None)
    if payload.media is None:
        return {}
    return {"size_bytes": str(probe(payload.media, services.media_roots).size_bytes)}


def create_call(lease: Lease, services: Services) -> Outcome | dict[str, str]:
    """Create the call, or learn which one this recording already has."""
    slot = _wait_for_slot(lease, services)
    try:
        outcome = of_create(services.client.create_call(lease.held.payload.body), now=datetime.now(UTC))
    except RequestFailed as failed:
        outcome = of_create(failed)
    _tell_fleet(outcome, slot, services)
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
    with open_media(media, services.media_roots) as stream:
        slot = _wait_for_slot(lease, services)
        try:
            answer = services.client.upload_media(
                call_id,
                stream,
                file_name=media.file_name,
                content_type=media.content_type,
                on_bytes=lambda _sent: lease.check(),
            )
        except (RequestFailed, MediaRefused, MediaUnavailable) as failed:
            outcome = of_upload(failed, call_id=call_id)
        else:
            outcome = of_upload(answer, call_id=call_id, now=datetime.now(UTC))
        _tell_fleet(outcome, slot, services)
        if outcome.effect is not Effect.RECORDED:
            return outcome
        details = {"bytes": str(stream.size_bytes), "url": (answer.url or "")}
        if stream.count == stream.size_bytes:
            details["sha256"] = stream.sha256_hex
        return details


STEPS: Mapping[Step, Callable[[Lease, Services], Outcome | dict[str, str]]] = {
    Step.VALIDATE: validate,
    Step.CREATE_CALL: create_call,
    Step.UPLOAD_MEDIA: upload_media,
}


def _wait_for_slot(lease: Lease, services: Services) -> Slot:
    """Wait for this request's instant, with the connection open when it comes.

    Raises:
        NoSlot: It is too far away to wait for it here.
        LeaseLost: The lease was lost while waiting.
    """
    patience_ends = time.monotonic() + PATIENCE_S
    noted = False
    while True:
        slot = _ask_for_slot(lease, services, patience_ends)
        if not noted:
            services.ledger.note_request(lease.held, wait_s=slot.wait_s)
            noted = True
        _connect_early(services.client)
        lease.sleep(slot.wait_s)
        if time.monotonic() - slot.leaves_at <= LATE_S:
            return slot
        log.info("Job %s missed its slot and takes another.", lease.held.job_id)
        if time.monotonic() > patience_ends:
            raise NoSlot(Refusal(0.0, "second"))


def _ask_for_slot(lease: Lease, services: Services, patience_ends: float) -> Slot:
    while True:
        answer = services.limiter.acquire(lease.held.lane)
        if isinstance(answer, Slot):
            return answer
        if answer.wait_s > SLEEP_MAX_S or answer.reason != "second" or time.monotonic() > patience_ends:
            raise NoSlot(answer)
        lease.sleep(answer.wait_s)


def _connect_early(client: GongClient) -> None:
    try:
        client.connect()
    except RequestFailed:
        log.debug("The connection could not be opened ahead of the request; the request itself will tell.")


def _tell_fleet(outcome: Outcome, slot: Slot, services: Services) -> None:
    """Work the gate as the outcome says."""
    limiter = services.limiter
    match outcome.fleet:
        case FleetEffect.CLOSE_RETRY_AFTER:
            limiter.close_for(outcome.retry_after_s or 1.0, outcome.message)
        case FleetEffect.CLOSE_UNAUTHORIZED:
            limiter.close_unauthorized(outcome.message)
        case FleetEffect.CLOSE_WRONG_ADDRESS:
            limiter.close_wrong_address(outcome.message)
        case FleetEffect.COUNT_FAILURE:
            limiter.note_failure(outcome.message, failures_to_close=services.settings.failures_to_close)
        case FleetEffect.NONE:
            limiter.note_success(slot)


def _settle(held: Held, outcome: Outcome, services: Services) -> Next:
    """Write down what a failed step leads to."""
    reason = Reason(outcome.code, outcome.message, outcome.request_id or "")
    if outcome.effect is Effect.DEAD:
        services.ledger.bury(held, reason)
        return Stop(State.DEAD, outcome.code, outcome.message)
    # Behind a gate that waits for a probe nobody knows how long it takes: no message is kept for it.
    keep = outcome.fleet not in {FleetEffect.CLOSE_UNAUTHORIZED, FleetEffect.CLOSE_WRONG_ADDRESS}
    wait_s = _wait_of(held, outcome, services)
    costs_attempt = outcome.effect is not Effect.SNOOZED
    return _postpone(
        held,
        Wait(wait_s, keep=keep and wait_s <= COUNTDOWN_MAX_S, costs_attempt=costs_attempt, reason=reason),
        services,
    )


def _wait_of(held: Held, outcome: Outcome, services: Services) -> float:
    asked_s = outcome.retry_after_s or 0.0
    if outcome.effect is Effect.SNOOZED:
        return asked_s
    base_s, cap_s = services.settings.backoff_base_s, services.settings.backoff_cap_s
    return max(asked_s, backoff_s(held.attempts + 1, base_s=base_s, cap_s=cap_s, random=services.random))


def _wait_elsewhere(held: Held, refusal: Refusal, services: Services) -> Next:
    """Let the job wait without a process; behind a closed gate or a spent day also without a message."""
    keep = refusal.reason == "second" and refusal.wait_s <= COUNTDOWN_MAX_S
    return _postpone(
        held,
        Wait(refusal.wait_s, keep=keep, costs_attempt=False, reason=Reason(f"waits_{refusal.reason}")),
        services,
    )


def _postpone(held: Held, wait: Wait, services: Services) -> Next:
    state = services.ledger.postpone(held, wait)
    if state is State.ACTIVE:
        return Again(wait.wait_s, wait.reason.code)
    return Stop(state, wait.reason.code, wait.reason.message)
