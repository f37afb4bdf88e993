"""What each answer or failure of a request does to the job and to the fleet.

Pure: functions of their arguments. `table` holds the rows, `decide` finds the one that fits, `wait` says how
long. Carrying an outcome out, counting attempts and working the gate are left to `steps`, `ledger` and
`limiter`.
"""

from pipeline.outcome.answer import Answer
from pipeline.outcome.decide import of_create, of_upload
from pipeline.outcome.effect import MESSAGE_MAX_CHARACTERS, Effect, FleetEffect, Outcome
from pipeline.outcome.wait import RETRY_AFTER_CAP_S, RETRY_AFTER_DEFAULT_S, backoff_s, retry_after_s

__all__ = [
    "MESSAGE_MAX_CHARACTERS",
    "RETRY_AFTER_CAP_S",
    "RETRY_AFTER_DEFAULT_S",
    "Answer",
    "Effect",
    "FleetEffect",
    "Outcome",
    "backoff_s",
    "of_create",
    "of_upload",
    "retry_after_s",
]
