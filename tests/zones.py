"""A person somewhere else: the time zone of this process, and instants there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

# Its clocks go back on 1 November 2026.
NEW_YORK = "America/New_York"


@contextmanager
def in_zone(name: str) -> Iterator[None]:
    """Let this process be there for as long as the block runs."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def instant(text: str) -> float:
    """Give the instant of a time in New York, in seconds since the epoch."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK)).timestamp()
