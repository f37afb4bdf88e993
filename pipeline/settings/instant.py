"""A date or a time, as a setting gives it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def instant_of(text: str) -> float:
    """Read a date, which is over at its end, or a time; gives seconds since the epoch. UTC unless it says so.

    Raises:
        ValueError: It is neither.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    is_date = len(text) <= len("2026-12-31")
    return (moment + timedelta(days=1 if is_date else 0)).timestamp()


def is_instant(text: str) -> bool:
    """Tell whether it is a date or a time."""
    try:
        instant_of(text)
    except (ValueError, OverflowError):
        return False
    return True
