"""What comes after a step that was not recorded: a wait, or the end."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from pipeline.job import Held, Reason, State, Step, Wait
from pipeline.limiter import Refusal
from pipeline.outcome import Effect, FleetEffect, Outcome, backoff_s
from pipeline.steps.services import Services

log = logging.getLogger(__name__)

# A wait up to this long keeps the lease and its message; a longer one goes back to the ledger, and then
# behind all that is due by then, unless the call is there and lacks nothing but its media.
COUNTDOWN_MAX_S = 60.0
# While the gate is closed or the day is spent hardly anything is claimed. So what was held back there is due
# at once, at its place: the gate may be opened by hand, or the limit be raised, long before what was told.
AT_THE_GATE_S = 0.0


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


def settle(held: Held, outcome: Outcome, services: Services) -> Next:
    """Write down what a failed step leads to."""
    reason = Reason(outcome.code, outcome.message, outcome.request_id or "")
    if outcome.effect is Effect.DEAD:
        services.ledger.bury(held, reason)
        log.warning(
            "Job %s is dead at %s: %s: %s",
            held.job_id,
            held.step,
            outcome.code,
            outcome.message,
            extra={"request_id": outcome.request_id},
        )
        return Stop(State.DEAD, outcome.code, outcome.message)
    wait_s = _wait_of(held, outcome, services)
    # Behind a gate that waits for a probe nobody knows how long it takes: no message is kept for it. And who
    # closed it is to be no probe before others are: it may be refused for what it is itself.
    for_probe = outcome.fleet in {FleetEffect.CLOSE_UNAUTHORIZED, FleetEffect.CLOSE_WRONG_ADDRESS}
    snoozed = outcome.effect is Effect.SNOOZED
    keep = wait_s <= COUNTDOWN_MAX_S and not for_probe
    if snoozed and not keep:
        wait_s = AT_THE_GATE_S
    keeps_place = not for_probe and (snoozed or held.step is Step.UPLOAD_MEDIA)
    wait = Wait(wait_s, keep=keep, costs_attempt=not snoozed, reason=reason, keeps_place=keeps_place)
    return put_off(held, wait, services)


def _wait_of(held: Held, outcome: Outcome, services: Services) -> float:
    asked_s = outcome.retry_after_s or 0.0
    if outcome.effect is Effect.SNOOZED:
        return asked_s
    base_s, cap_s = services.settings.backoff_base_s, services.settings.backoff_cap_s
    backoff = backoff_s(held.attempts + 1, base_s=base_s, cap_s=cap_s, random=services.random)
    return max(asked_s, backoff, outcome.settles_in_s)


def wait_elsewhere(held: Held, refusal: Refusal, services: Services) -> Next:
    """Let the job wait without a process; behind a closed gate or a spent day also without a message."""
    by_pace = refusal.reason in {"second", "token"}
    wait = Wait(
        refusal.wait_s if by_pace else AT_THE_GATE_S,
        keep=by_pace and refusal.wait_s <= COUNTDOWN_MAX_S,
        costs_attempt=False,
        reason=Reason(f"waits_{refusal.reason}"),
    )
    return put_off(held, wait, services)


def hand_back(held: Held, message: str, services: Services) -> Next:
    """Make the job pending again, so that another worker goes on with it at once."""
    return put_off(
        held, Wait(0.0, keep=False, costs_attempt=False, reason=Reason("handed_back", message)), services
    )


def put_off(held: Held, wait: Wait, services: Services) -> Next:
    """Put an attempt off, and give what comes next."""
    state = services.ledger.postpone(held, wait)
    if state is State.DEAD:
        log.warning(
            "Job %s is dead, its attempts are spent: %s: %s",
            held.job_id,
            *wait.reason[:2],
            extra={"request_id": wait.reason.request_id},
        )
    if state is State.ACTIVE:
        return Again(wait.wait_s, wait.reason.code)
    return Stop(state, wait.reason.code, wait.reason.message)
