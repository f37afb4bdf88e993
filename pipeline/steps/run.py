"""One delivery of one step, from its lease to what comes next."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable

from pipeline import tracing
from pipeline.errors import (
    LeaseLost,
    LedgerRefused,
    MediaUnavailable,
    PayloadUnknown,
    RecordingRefused,
    WorkerStopping,
)
from pipeline.history import counted
from pipeline.job import Held, Reason, State, Step, StepMessage, Wait
from pipeline.lease import Lease
from pipeline.logs import about
from pipeline.outcome import Effect, FleetEffect, Outcome
from pipeline.steps.services import Services
from pipeline.steps.settle import (
    GoOn,
    Next,
    Stop,
    hand_back,
    put_off,
    settle,
    wait_elsewhere,
)
from pipeline.steps.slot import NoSlot
from pipeline.steps.work import STEPS

log = logging.getLogger(__name__)

UNAVAILABLE = "media_unavailable"

# Gives the message of the step that follows; None if there is none.
Following = Callable[[], StepMessage | None]


def _nothing() -> None:
    """Nothing follows."""


def run_step(
    step: Step, job_id: str, lease_token: int, services: Services, *, following: Following = _nothing
) -> Next:
    """Run one delivery of one step; what follows is published with what is recorded of it.

    Raises:
        LedgerUnreachable, LedgerRefused: What happened could not be written; the job is claimed again when
            its lease ends.
    """
    with about(job=job_id, step=str(step)):
        return _run(step, job_id, lease_token, services, following)


def _run(step: Step, job_id: str, lease_token: int, services: Services, following: Following) -> Next:
    try:
        held = services.ledger.begin_step(
            job_id, lease_token, step, run=uuid.uuid4().hex, worker=services.worker
        )
        with (
            about(batch=held.batch, attempt=held.attempts + 1),
            Lease(services.ledger, held, services.stop_by, services.on_progress) as lease,
        ):
            tracing.tell({"batch": held.batch, "attempt": held.attempts + 1})
            try:
                return _attempt(lease, services, following)
            except WorkerStopping as stopping:
                return hand_back(held, str(stopping), services)
    except LedgerRefused as refused:
        log.warning("Job %s cannot go on at %s: %s", job_id, step, refused)
        raise
    except LeaseLost as lost:
        return Stop(None, "lease_lost", str(lost))
    except PayloadUnknown as unknown:
        log.warning("%s", unknown)
        return Stop(State.PENDING, "payload_unknown", str(unknown))


def _attempt(lease: Lease, services: Services, following: Following) -> Next:
    began = time.monotonic()
    # Made before anything is asked of the API: a mistake in it follows no request.
    message = following()
    try:
        details = STEPS[lease.held.step](lease, services)
    except NoSlot as none:
        return wait_elsewhere(lease.held, none.refusal, services)
    except RecordingRefused as refused:
        return settle(
            lease.held, Outcome(Effect.DEAD, FleetEffect.NONE, refused.code, str(refused)), services
        )
    except MediaUnavailable as error:
        log.warning("Job %s waits: %s", lease.held.job_id, error)
        return _wait_for_media(lease.held, str(error), services)
    services.ledger.count(counted.step(lease.held.step, time.monotonic() - began))
    if isinstance(details, Outcome):
        return settle(lease.held, details, services)
    services.ledger.record_step(lease.held, details, following=message)
    return GoOn()


def _wait_for_media(held: Held, message: str, services: Services) -> Next:
    """Let a job wait for its media, for as long as that takes.

    The waits grow with the attempts that they cost, up to half of all. The ones that follow are long and cost
    none: a share that is not mounted, or a token that ended, must not bury a backlog over a weekend. Nobody
    holds a lease meanwhile, and with it a place in the window. A call that lacks nothing but its media keeps
    its place among all that wait.
    """
    settings = services.settings
    if held.attempts < settings.attempts_max // 2:
        return settle(held, Outcome(Effect.BACKOFF, FleetEffect.NONE, UNAVAILABLE, message), services)
    wait_s = settings.backoff_cap_s * (1 + services.random()) / 2
    has_call, reason = held.step is Step.UPLOAD_MEDIA, Reason(UNAVAILABLE, message)
    wait = Wait(wait_s, keep=False, costs_attempt=False, reason=reason, keeps_place=has_call)
    return put_off(held, wait, services)
