"""What the views of one process work with: the ledger, and how much of it waits.

Invariant: nobody waits long for a ledger that is out of reach. A client is told so, and asks again; it would
hold a thread of the server meanwhile.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import current_app

from pipeline.api.problem import Refused
from pipeline.api.uploads import Uploads
from pipeline.client import Pipeline
from pipeline.job import Lane
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter
from pipeline.overview import Observer
from pipeline.settings import Settings
from pipeline.store import Store

EXTENSION = "gong-ingest-services"
RETRIES, ANSWER_WITHIN_S = 1, 2.5
# For so long a count of what waits is taken for true.
COUNT_FRESH_S = 1.0
BUSY_RETRY_AFTER_S = 5
RETRY_AFTER_MIN_S, RETRY_AFTER_MAX_S = 1, 3600
# A recording takes two: the call, and its media.
REQUESTS_EACH = 2


@dataclass(slots=True)
class Backlog:
    """How many jobs of each lane wait, and how many may.

    Attributes:
        most: Above it no more of a lane is taken.
        per_second: How many recordings are brought in a second, at most.
    """

    ledger: Ledger
    most: int
    per_second: float
    _counts: dict[Lane, tuple[float, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse_if_full(self, lane: Lane) -> None:
        """Refuse what would have to wait behind too many.

        Raises:
            Refused: 429, with the time after which there may be room.
        """
        excess = self._count(lane) - self.most
        if excess < 0:
            return
        wait_s = min(max(math.ceil((excess + 1) / self.per_second), RETRY_AFTER_MIN_S), RETRY_AFTER_MAX_S)
        raise Refused(
            429,
            "backlog_full",
            f"{self.most:,} recordings or more wait in the lane {lane.value}; hand this one in later.",
            headers={"Retry-After": str(wait_s)},
        )

    def _count(self, lane: Lane) -> int:
        counted_at, count = self._counts.get(lane, (-math.inf, 0))
        if time.monotonic() - counted_at <= COUNT_FRESH_S or not self._lock.acquire(blocking=False):
            # Somebody else is asking; nobody waits for that.
            return count
        try:
            count = self.ledger.backlog(lane)
            self._counts[lane] = (time.monotonic(), count)
        finally:
            self._lock.release()
        return count


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one process; safe to share between threads."""

    store: Store
    pipeline: Pipeline
    observer: Observer
    backlog: Backlog
    uploads: Uploads | None
    places: threading.BoundedSemaphore

    @classmethod
    def of(cls, settings: Settings, *, threads: int) -> Services:
        """Make them; nothing is connected before the first request.

        Args:
            settings: Where the ledger is, and what is taken.
            threads: Requests that the process serves at once.
        """
        store = Store.from_settings(settings, retries=RETRIES, answer_within_s=ANSWER_WITHIN_S)
        ledger = Ledger.from_settings(settings, store)
        per_second = settings.requests_per_second / REQUESTS_EACH
        return cls(
            store=store,
            pipeline=Pipeline(settings, store=store),
            observer=Observer(store, ledger, Limiter.from_settings(settings, store)),
            backlog=Backlog(ledger, settings.api_backlog_max, per_second),
            uploads=Uploads.of(settings),
            places=threading.BoundedSemaphore(max(1, threads // 2)),
        )

    @contextmanager
    def taking_long(self) -> Iterator[None]:
        """Serve a request that may take minutes; half of the threads are kept for those that do not.

        Raises:
            Refused: 429 when the other half is taken.
        """
        if not self.places.acquire(blocking=False):
            raise Refused(
                429,
                "server_busy",
                "As many uploads and batches are under way as the server takes at once; come again soon.",
                headers={"Retry-After": str(BUSY_RETRY_AFTER_S)},
            )
        try:
            yield
        finally:
            self.places.release()


def services() -> Services:
    """Give those of the application that answers."""
    found: Any = current_app.extensions[EXTENSION]
    if not isinstance(found, Services):
        raise TypeError("The application has no services.")
    return found
