"""How long to wait: what the API asks for, and the backoff after failures. Pure, in seconds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime

RETRY_AFTER_DEFAULT_S = 1.0
RETRY_AFTER_CAP_S = 86_400.0


def retry_after_s(
    raw: str | None,
    *,
    default_s: float = RETRY_AFTER_DEFAULT_S,
    cap_s: float = RETRY_AFTER_CAP_S,
    now: datetime | None = None,
) -> float:
    """Return how long a Retry-After header asks to wait, in seconds.

    The API sends whole seconds (`API.md`); dates (RFC 9110, 10.2.3) come from servers in between and are read
    against `now`. What is missing, zero, negative, past or not readable is `default_s`; `cap_s` is the most.
    """
    text = (raw or "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        wait_s = float(text)
    elif now is not None:
        wait_s = _seconds_until(text, now)
    else:
        wait_s = 0.0
    return min(float(math.ceil(min(wait_s, cap_s))), cap_s) if wait_s > 0 else default_s


def backoff_s(attempt: int, *, base_s: float, cap_s: float, random: Callable[[], float]) -> float:
    """Return the wait after the `attempt`-th failure (from 1), in seconds: exponential, capped, full jitter.

    Full jitter is anything between none and all of it, so that what failed together does not return together.

    Args:
        attempt: Failures so far; less than 1 counts as 1.
        base_s: The longest wait after the first failure.
        cap_s: The longest wait at all.
        random: Returns a number from 0 up to 1.
    """
    doublings = min(max(attempt, 1) - 1, 64)  # beyond that every cap is reached, and a float would overflow
    return random() * min(cap_s, base_s * 2.0**doublings)


def _seconds_until(date: str, now: datetime) -> float:
    """Return the seconds from `now` to an HTTP date; 0 for what is none."""
    try:
        then = parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    return (then - now).total_seconds() if then.tzinfo is not None else 0.0
