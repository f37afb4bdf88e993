"""The few figures that every table needs; pure."""

from __future__ import annotations

import math
from collections.abc import Collection


def percentile(values: Collection[float], share: float) -> float:
    """Give the smallest value that at least this share of the values does not exceed; NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def fairness(counts: Collection[int]) -> float:
    """Give the smallest share by the largest: 1 is fair, 0 leaves somebody out."""
    return min(counts) / max(counts) if counts and max(counts) else 0.0


def use(accepted_at_s: Collection[float], per_second: float, starts_at_s: float, ends_at_s: float) -> float:
    """Give the share of the allowed rate used in the whole seconds between two instants.

    Only whole seconds: half of one may hold all that is allowed in it, and would seem twice as good as it is.
    """
    whole_s = math.floor(ends_at_s - starts_at_s)
    within = sum(starts_at_s <= at_s < starts_at_s + whole_s for at_s in accepted_at_s)
    return within / (whole_s * per_second) if whole_s > 0 else 0.0
