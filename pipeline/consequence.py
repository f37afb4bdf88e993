"""What a request's outcome does to the fleet, carried out on the gate; and whether it kept to its slot."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pipeline.errors import AccessAwaited, AccessMissing, AccessUnavailable, IngestError
from pipeline.gong import GongClient
from pipeline.limiter import LATE_S, Limiter, Refusal, Slot
from pipeline.outcome import Answer, FleetEffect, Outcome

log = logging.getLogger(__name__)

# Another process that asks for a token is waited for so long at a time; most take a moment.
TOKEN_WAIT_MAX_S = 1.0


def prepare(client: GongClient, limiter: Limiter, *, failures_to_close: int) -> Refusal | None:
    """See to it that there is something to ask the API with; without it the gate is closed.

    An address of tokens that does not answer is a failure like one of the API: many in a row close the gate.

    Gives when to come again, and why (`token`, or the gate's reason); None when a request may be made.
    """
    try:
        client.prepare()
    except AccessAwaited as awaited:
        return Refusal(min(awaited.wait_s, TOKEN_WAIT_MAX_S), "token")
    except AccessMissing as missing:
        log.warning("%s", missing)
        limiter.close_unauthorized(str(missing))
        return Refusal(TOKEN_WAIT_MAX_S, "unauthorized")
    except AccessUnavailable as unavailable:
        log.warning("%s", unavailable)
        limiter.note_failure(str(unavailable), failures_to_close=failures_to_close)
        return Refusal(TOKEN_WAIT_MAX_S, "token")
    return None


def tell_fleet(
    outcome: Outcome, *, answer: Answer | None, slot: Slot, limiter: Limiter, failures_to_close: int
) -> None:
    """Work the gate as the outcome says; only an answer of the API speaks for opening it.

    Args:
        outcome: Of the request that left in this slot.
        answer: The API's, None if there was none.
        slot: The request's.
        limiter: The fleet's.
        failures_to_close: How many failures in a row close the gate.
    """
    if outcome.fleet is not FleetEffect.NONE:
        log.warning("%s: %s", outcome.code, outcome.message, extra={"request_id": outcome.request_id})
    match outcome.fleet:
        case FleetEffect.CLOSE_RETRY_AFTER:
            limiter.close_for(outcome.retry_after_s or 1.0, outcome.message)
        case FleetEffect.CLOSE_UNAUTHORIZED:
            limiter.close_unauthorized(outcome.message, retry_after_s=outcome.retry_after_s or 0.0)
            if answer and answer.renewed:
                limiter.probe_now()
        case FleetEffect.CLOSE_WRONG_ADDRESS:
            limiter.close_wrong_address(outcome.message)
        case FleetEffect.COUNT_FAILURE:
            limiter.note_failure(
                outcome.message,
                failures_to_close=failures_to_close,
                retry_after_s=outcome.retry_after_s or 0.0,
            )
        case FleetEffect.NONE if answer:
            limiter.note_success(slot)


def late_teller(slot: Slot, limiter: Limiter) -> Callable[[float], None]:
    """Give what a client is to call when the request leaves: if that is after its slot, those behind it wait.

    It is called in the middle of the request, which nothing may break: without the ledger nobody is told.
    """

    def tell_late(left_at: float) -> None:
        late_s = left_at - slot.leaves_at
        if late_s <= LATE_S:
            return
        log.info("A request left %.3f s after its slot.", late_s)
        try:
            limiter.note_late(slot, late_s)
        except IngestError as error:
            log.warning("That a request left late could not be told: %s", error)

    return tell_late
