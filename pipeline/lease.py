"""The lease of a running step: kept alive from the process that works, given up the moment it is lost.

Invariants: the thread renews every third of the lease, so two renewals may fail before it runs out. Whoever
holds the lease asks `check` before each request and within each upload; once lost, it stays lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pipeline.errors import LeaseLost, LedgerUnreachable, WorkerStopping
from pipeline.job import Held
from pipeline.ledger import Ledger

# Gives the instant (`time.monotonic`) by which work must end, None while nobody asked to stop.
StopBy = Callable[[], float | None]

log = logging.getLogger(__name__)


class Lease:
    """A job held by this process; a context manager around the work on it."""

    def __init__(self, ledger: Ledger, held: Held, stop_by: StopBy) -> None:
        self._ledger = ledger
        self._stop_by = stop_by
        self.held = held
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._ends_at = time.monotonic() + ledger.lease_ttl_s
        self._heartbeat = threading.Thread(target=self._beat, name=f"lease-{held.job_id}", daemon=True)

    def check(self) -> None:
        """Make sure that the lease is still held, and that there is still time to work.

        Raises:
            LeaseLost: It ran out, or another attempt claimed the job.
            WorkerStopping: The worker was asked to stop, and its grace is over.
        """
        if self._lost.is_set() or time.monotonic() > self._ends_at:
            raise LeaseLost(f"The lease on job {self.held.job_id} was lost while it was worked on.")
        stop_by = self._stop_by()
        if stop_by is not None and time.monotonic() > stop_by:
            raise WorkerStopping(f"Job {self.held.job_id} is handed back: this worker stops.")

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
        self._heartbeat.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._heartbeat.join()

    def _beat(self) -> None:
        while not self._ended.wait(self._ledger.lease_ttl_s / 3):
            began = time.monotonic()
            try:
                self._ledger.renew(self.held)
            except LeaseLost:
                self._lost.set()
                return
            except LedgerUnreachable as error:
                log.warning("%s The lease on job %s could not be renewed.", error, self.held.job_id)
            else:
                self._ends_at = began + self._ledger.lease_ttl_s
