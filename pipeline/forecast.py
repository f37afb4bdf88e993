"""When a batch will be finished under the limits. Pure."""

from __future__ import annotations

import math

DAY_S = 86_400.0


def finish_in_s(
    requests_left: int,
    *,
    pace: float,
    requests_per_day: int,
    used_today: int,
    closed_s: float = 0.0,
) -> float:
    """Say how long so many requests take, in seconds.

    The slower of both limits decides.

    Args:
        requests_left: Requests still to be sent.
        pace: Requests a second, as the limiter grants them.
        requests_per_day: The limit a day; what is beyond today's rest waits for whole days.
        used_today: Requests in the last 24 hours.
        closed_s: How long no request leaves, because the gate is closed.
    """
    at_pace_s = closed_s + requests_left / pace
    beyond_today = requests_left - max(0, requests_per_day - used_today)
    if beyond_today <= 0:
        return at_pace_s
    days = math.ceil(beyond_today / requests_per_day)
    last_day = beyond_today - (days - 1) * requests_per_day
    return max(at_pace_s, days * DAY_S + last_day / pace)
