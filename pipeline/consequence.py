"""What a request's outcome does to the fleet, carried out on the gate."""

from __future__ import annotations

import logging

from pipeline.limiter import Limiter, Slot
from pipeline.outcome import FleetEffect, Outcome

log = logging.getLogger(__name__)


def tell_fleet(
    outcome: Outcome, *, is_answered: bool, slot: Slot, limiter: Limiter, failures_to_close: int
) -> None:
    """Work the gate as the outcome says; only an answer of the API speaks for opening it.

    Args:
        outcome: Of the request that left in this slot.
        is_answered: Whether the API answered at all.
        slot: The request's.
        limiter: The fleet's.
        failures_to_close: How many failures in a row close the gate.
    """
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
                failures_to_close=failures_to_close,
                retry_after_s=outcome.retry_after_s or 0.0,
            )
        case FleetEffect.NONE if is_answered:
            limiter.note_success(slot)
