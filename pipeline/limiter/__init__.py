"""The fleet's token bucket and gate: no request leaves without a slot from here."""

from pipeline.limiter.day import PARTS, Day, moments_s
from pipeline.limiter.gate import REASONS, Gate
from pipeline.limiter.limiter import HORIZON_S, LONG_RETRY_AFTER_S, SHORT_RETRY_AFTER_S, Limiter, Use
from pipeline.limiter.limits import ROLLING, InForce, Limits, day_of
from pipeline.limiter.notices import Notices
from pipeline.limiter.slot import LATE_S, Refusal, Slot

__all__ = [
    "HORIZON_S",
    "LATE_S",
    "LONG_RETRY_AFTER_S",
    "PARTS",
    "REASONS",
    "ROLLING",
    "SHORT_RETRY_AFTER_S",
    "Day",
    "Gate",
    "InForce",
    "Limiter",
    "Limits",
    "Notices",
    "Refusal",
    "Slot",
    "Use",
    "day_of",
    "moments_s",
]
