"""When a batch will be finished under the limits. Pure."""

from __future__ import annotations

import math

DAY_S = 86_400.0


def finish_in_s(requests_left: int, *, pace: float, requests_per_day: int, used_today: int) -> float:
    """Say how long so many requests take, in seconds.

    Args:
        requests_left: Requests still to be sent.
        pace: Requests a second, as the limiter grants them.
        requests_per_day: The limit a day; what is beyond today's rest waits for whole days.
        used_today: Requests in the last 24 hours.
    """
    rest_of_today = max(0, requests_per_day - used_today)
    if requests_left <= rest_of_today:
        return requests_left / pace
    beyond = requests_left - rest_of_today
    days = math.ceil(beyond / requests_per_day)
    last_day = beyond - (days - 1) * requests_per_day
    return days * DAY_S + last_day / pace
