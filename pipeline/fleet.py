"""Workers of one's own on this machine: started, restarted when they fall, stopped together.

There is one worker for each queue, so long uploads never hold up creates. Each is a session of its own:
Ctrl-C in the terminal reaches only the command, which then stops the workers in order. A worker also learns
at once when the command is gone, however it ended: its standard input, a pipe from here, ends. Then it stops
by itself (`workers/stopping.py`).
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pipeline import interrupts
from pipeline.errors import WorkersFailed

log = logging.getLogger(__name__)

QUEUES = ("calls", "media")
STANDARD_ERROR = 2
RESTART_INTERVAL_S = 2.0
# A worker that ends so often within so short a time does not fall, it cannot start.
FALLS_MAX, SHORT_LIFE_S = 3, 10.0
# Celery's advice to root is meant for messages that hold code, which these workers do not open; and it names
# an option that `gong-ingest` does not have. The user of a command is the user of its workers.
ROOT_WARNING = "You're running the worker with superuser privileges"
# Nor does it matter that nobody knows the user by a name, as in containers and in services of systemd.
NAMELESS_WARNING = "An entry for the specified gid or egid was not found."
UNSAID = [text for warning in (ROOT_WARNING, NAMELESS_WARNING) for text in ("-W", f"ignore:{warning}")]
# What a worker may take beyond its own grace to end.
STOP_MARGIN_S = 10.0
# Asked twice, a worker hands back what it holds and is gone after so long.
AT_ONCE_S, ASK_INTERVAL_S = 3.0, 0.5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every worker of a fleet is started with.

    Attributes:
        environment: Gives its environment, with every setting; the credentials in it are read only
            when a worker is started.
        log_folder: Where its log goes; None leaves it on standard error.
        handed_on: Descriptors that it holds open as long as it lives.
    """

    environment: Callable[[], Mapping[str, str]]
    log_folder: Path | None = None
    handed_on: Sequence[int] = ()


@dataclass(slots=True)
class _Worker:
    queue: str
    process: subprocess.Popen[bytes]
    started_at: float = field(default_factory=time.monotonic)
    falls: int = 0


class LocalFleet:
    """The workers of this machine.

    Args:
        concurrency: Processes for each queue.
        stop_grace_s: How long a worker finishes what it works on before it hands it back.
        surroundings: What every worker is started with.
        queues: The queues to work on.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        stop_grace_s: float,
        surroundings: Surroundings,
        queues: Sequence[str] = QUEUES,
    ) -> None:
        self._concurrency = concurrency
        self._stop_within_s = stop_grace_s + STOP_MARGIN_S
        self._surroundings = surroundings
        self._queues = queues
        self._workers: list[_Worker] = []

    @property
    def pids(self) -> dict[str, int]:
        """Give the process of each queue's worker."""
        return {worker.queue: worker.process.pid for worker in self._workers}

    @property
    def is_running(self) -> bool:
        """Tell whether it was started and not stopped."""
        return bool(self._workers)

    def start(self) -> None:
        """Start a worker for each queue."""
        self._workers = [_Worker(queue, self._start_one(queue)) for queue in self._queues]

    def restart_fallen(self) -> None:
        """Start every worker that has ended anew, but not in a hurry.

        Raises:
            WorkersFailed: One of them ends again and again as soon as it is started.
        """
        for worker in self._workers:
            code = worker.process.poll()
            age_s = time.monotonic() - worker.started_at
            if code is not None and age_s >= RESTART_INTERVAL_S:
                worker.falls = worker.falls + 1 if age_s < SHORT_LIFE_S else 1
                self._refuse_to_go_on(worker, code)
                log.warning("The worker for %s ended with code %d and is started again.", worker.queue, code)
                _close_input(worker.process)
                worker.process = self._start_one(worker.queue)
                worker.started_at = time.monotonic()

    def stop(self) -> None:
        """Stop every worker: it finishes what it works on, or hands it back.

        Another Ctrl-C lets them hand everything back at once.
        """
        interrupts.only_count()
        try:
            self._signal(signal.SIGTERM)
            deadline = time.monotonic() + self._stop_within_s
            if not all(
                interrupts.ends_in_order(worker.process, within_s=deadline - time.monotonic())
                for worker in self._workers
            ):
                self._stop_at_once()
        finally:
            self._signal(signal.SIGKILL)
            self._await_end(STOP_MARGIN_S)
            for worker in self._workers:
                _close_input(worker.process)
            self._workers = []
            interrupts.raise_again()

    def _stop_at_once(self) -> None:
        """Ask every worker again, until it hands back what it holds and ends, or its time is over."""
        log.warning("Stopping at once; what was being worked on is taken up again by the next run.")
        ends = time.monotonic() + AT_ONCE_S + 1
        while time.monotonic() < ends and any(worker.process.poll() is None for worker in self._workers):
            # Signals that come at once count as one.
            self._signal(signal.SIGTERM)
            self._await_end(ASK_INTERVAL_S)

    def _refuse_to_go_on(self, worker: _Worker, code: int) -> None:
        if worker.falls >= FALLS_MAX:
            where = f"; see {self._log_path(worker.queue)}" if self._surroundings.log_folder else ""
            raise WorkersFailed(
                f"The worker for {worker.queue} ended {worker.falls} times, last with code {code}{where}."
            )

    def _start_one(self, queue: str) -> subprocess.Popen[bytes]:
        environment = self._surroundings.environment()
        output = self._open_log(queue)
        try:
            return subprocess.Popen(
                self._command(queue),
                env=environment,
                stdin=subprocess.PIPE,
                # Standard output is the command's, for data; Celery says there that it stops.
                stdout=output or STANDARD_ERROR,
                stderr=output,
                start_new_session=True,
                pass_fds=self._surroundings.handed_on,
            )
        finally:
            if output:
                output.close()

    def _command(self, queue: str) -> list[str]:
        options = {"-Q": queue, "-c": str(self._concurrency), "-n": f"{queue}-{os.getpid()}@%h"}
        python = [sys.executable, *UNSAID]
        celery = ["-m", "celery", "-A", "workers", "--quiet", "worker"]
        flat = [text for option in options.items() for text in option]
        return [*python, *celery, *flat, "--without-gossip", "--without-mingle", "--stop-at-end-of-input"]

    def _open_log(self, queue: str) -> IO[bytes] | None:
        if self._surroundings.log_folder is None:
            return None
        self._surroundings.log_folder.mkdir(parents=True, exist_ok=True)
        return self._log_path(queue).open("ab")

    def _log_path(self, queue: str) -> Path:
        return (self._surroundings.log_folder or Path()) / f"worker-{queue}.log"

    def _signal(self, number: signal.Signals) -> None:
        """Signal each worker: its parent process to stop in order, the whole session to end."""
        for worker in self._workers:
            with suppress(ProcessLookupError):
                if number is signal.SIGKILL:
                    os.killpg(worker.process.pid, number)
                elif worker.process.poll() is None:
                    worker.process.send_signal(number)

    def _await_end(self, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        for worker in self._workers:
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, deadline - time.monotonic()))


def _close_input(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
