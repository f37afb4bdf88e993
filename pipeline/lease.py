"""The lease of a running step: kept alive from the process that works, given up the moment it is lost.

Invariants: it is renewed every third of the lease, so two renewals may fail before it runs out. The
progress of an upload goes into the ledger with a renewal, so it renews more often. Whoever holds the lease
asks `check` before each request and within each upload; once lost, it stays lost.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pipeline.errors import LeaseLost, LedgerRefused, LedgerUnreachable, WorkerStopping
from pipeline.heart import Beating, keep_beating
from pipeline.job import Held, Reason, Step, Wait
from pipeline.ledger import Ledger
from pipeline.logs import with_about

LOOK_INTERVAL_S = 0.5
# Whoever works on a job hands it back by itself at the end of the grace, unless it waits for an answer.
SELF_HELP_S = 1.0

# Progress is told when an upload takes this long, and then so much later and further than before.
PROGRESS_AFTER_S = 2.0
PROGRESS_INTERVAL_S = 1.0
PROGRESS_SHARE = 0.01

# How late a renewal may be on a busy machine without meaning anything.
LATE_S = 1.0

# Gives the instant (`time.monotonic`) by which work must end, None while nobody asked to stop.
StopBy = Callable[[], float | None]


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a job's media was sent, as it is told now and then."""

    held: Held
    sent_bytes: int
    size_bytes: int


OnProgress = Callable[[Progress], None]


def untold(_progress: Progress) -> None:
    """Tell nobody of progress but the ledger."""


log = logging.getLogger(__name__)


def missed_below_s(lease_ttl_s: float) -> float:
    """Say of a lease with less left than this that its holder missed a renewal, in seconds."""
    return max(0.0, lease_ttl_s * 2 / 3 - LOOK_INTERVAL_S - LATE_S)


class Lease:
    """A job held by this process; a context manager around the work on it."""

    def __init__(self, ledger: Ledger, held: Held, stop_by: StopBy, on_progress: OnProgress = untold) -> None:
        self._ledger = ledger
        self._stop_by = stop_by
        self._on_progress = on_progress
        self._progress: Progress | None = None
        self._told_bytes = 0
        self._tell_at = math.inf
        self.held = held
        self._lost = threading.Event()
        now_s = time.monotonic()
        self._ends_at = now_s + ledger.lease_ttl_s
        self._renew_at = now_s + ledger.lease_ttl_s / 3
        self._beating: Beating | None = None

    def check(self) -> None:
        """Make sure that the lease is still held, and that there is still time to work.

        Raises:
            LeaseLost: It ran out, or another attempt claimed the job.
            WorkerStopping: The worker was asked to stop, and its grace is over.
        """
        if time.monotonic() > self._ends_at:
            self._lost.set()
        if self._lost.is_set():
            raise LeaseLost(f"The lease on job {self.held.job_id} was lost while it was worked on.")
        stop_by = self._stop_by()
        if stop_by is not None and time.monotonic() > stop_by:
            raise WorkerStopping(f"Job {self.held.job_id} is handed back: this worker stops.")

    def check_progress(self, sent_bytes: int, size_bytes: int) -> None:
        """Note how much of the media was sent, and check.

        Raises:
            LeaseLost, WorkerStopping: As `check`.
        """
        if self._progress is None:
            self._tell_at = time.monotonic() + PROGRESS_AFTER_S
        self._progress = Progress(self.held, sent_bytes, size_bytes)
        self.check()

    def check_before_wait(self) -> None:
        """Make sure that it is worth waiting for something.

        Raises:
            LeaseLost: The lease is lost.
            WorkerStopping: The worker was asked to stop: it begins nothing more.
        """
        self.check()
        if self._stop_by() is not None:
            raise WorkerStopping(
                f"Job {self.held.job_id} is handed back before its request: this worker stops."
            )

    def sleep(self, wait_s: float) -> None:
        """Sleep so long, or until the lease is lost.

        Raises:
            LeaseLost: It was lost.
        """
        self._lost.wait(wait_s)
        self.check()

    def __enter__(self) -> Self:
        every_s = min(LOOK_INTERVAL_S, self._ledger.lease_ttl_s / 3)
        self._beating = keep_beating(with_about(self._beat), every_s=every_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beating:
            self._beating.end()

    def _beat(self) -> bool:
        """Renew the lease if it is time to; tell whether it is to be kept alive any longer."""
        if self._is_out_of_time():
            self._let_go()
            return False
        began = time.monotonic()
        progress = self._progress_to_tell(began)
        if began < self._renew_at and progress is None:
            return True
        self._renew_at = began + self._ledger.lease_ttl_s / 3
        try:
            self._ledger.renew(self.held, sent_bytes=progress.sent_bytes if progress else None)
        except LeaseLost:
            self._lost.set()
            return False
        except LedgerRefused as error:
            log.warning("%s The lease on job %s is given up.", error, self.held.job_id)
            self._lost.set()
            return False
        except LedgerUnreachable as error:
            log.warning("%s The lease on job %s could not be renewed.", error, self.held.job_id)
        else:
            self._ends_at = began + self._ledger.lease_ttl_s
            self._tell(progress)
        return True

    def _progress_to_tell(self, now_s: float) -> Progress | None:
        progress = self._progress
        if progress is None or now_s < self._tell_at:
            return None
        if progress.sent_bytes < self._told_bytes + PROGRESS_SHARE * progress.size_bytes:
            return None
        self._tell_at = now_s + PROGRESS_INTERVAL_S
        self._told_bytes = progress.sent_bytes
        return progress

    def _tell(self, progress: Progress | None) -> None:
        """Tell who else wants to know; an error there must not end the lease."""
        if progress is None:
            return
        try:
            self._on_progress(progress)
        except Exception:
            log.exception("The progress of job %s could not be told.", self.held.job_id)

    def _is_out_of_time(self) -> bool:
        """Tell whether the worker stops and the step did not notice: it waits for the API's answer."""
        stop_by = self._stop_by()
        return stop_by is not None and time.monotonic() > stop_by + SELF_HELP_S

    def _let_go(self) -> None:
        """Hand the job back over the head of the step, whose answer nobody will wait for.

        The media of an upload may still be on its way into the API, so that job waits as long as its lease
        would have held.
        """
        self._lost.set()
        wait_s = self._ledger.lease_ttl_s if self.held.step is Step.UPLOAD_MEDIA else 0.0
        reason = Reason("handed_back", "its worker stopped while the API had not answered")
        try:
            self._ledger.postpone(self.held, Wait(wait_s, keep=False, costs_attempt=False, reason=reason))
        except (LeaseLost, LedgerUnreachable, LedgerRefused) as error:
            log.warning("%s Job %s is taken up when its lease ends.", error, self.held.job_id)
