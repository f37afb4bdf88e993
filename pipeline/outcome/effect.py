"""What an outcome does to the job and to the fleet."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MESSAGE_MAX_CHARACTERS = 500


class Effect(StrEnum):
    """What happens to the job."""

    RECORDED = "recorded"  # the step is done: write it down
    UNKNOWN = "unknown"  # the API may have acted: settle by asking again; costs an attempt
    DEAD = "dead"  # only a person can help
    SNOOZED = "snoozed"  # wait; costs no attempt
    BACKOFF = "backoff"  # wait; costs an attempt


class FleetEffect(StrEnum):
    """What happens to the fleet."""

    NONE = "none"
    CLOSE_RETRY_AFTER = "close_retry_after"
    CLOSE_UNAUTHORIZED = "close_unauthorized"
    CLOSE_WRONG_ADDRESS = "close_wrong_address"
    COUNT_FAILURE = "count_failure"  # many in a row close the gate


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be done after one request.

    Attributes:
        effect: What happens to the job.
        fleet: What happens to the fleet.
        code: Stable name of the reason, used to group dead letters and to count.
        message: For a person; at most `MESSAGE_MAX_CHARACTERS`, without control characters.
        request_id: The API's name for the request.
        call_id: The call that the answer names. Of a `duplicate_content` it is the other call.
        existing: The call or its media was there before this request.
        retry_after_s: How long the API asks to wait; always there for a 429.
        settles_in_s: How long the API may still be acting on the request, where its fate is unknown.
    """

    effect: Effect
    fleet: FleetEffect
    code: str
    message: str
    request_id: str | None = None
    call_id: str | None = None
    existing: bool = False
    retry_after_s: float | None = None
    settles_in_s: float = 0.0
