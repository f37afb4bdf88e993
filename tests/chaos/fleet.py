"""Workers as `pipeline/fleet.py` starts them, with a supervisor that never gives up.

Invariant: signals go only to processes that belong to the session of a worker started here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.environment import ENVIRONMENT

ROOT = Path(__file__).parents[2]
PROC = Path("/proc")
LOOK_INTERVAL_S = 0.2
ENDED_WITHIN_S = 30.0


class Worker:
    """One worker: its parent process, and the processes of its pool.

    Args:
        name: Of the worker and its log.
        queues: Those that it works on, separated by commas.
        concurrency: Processes in its pool.
        app: Celery's application.
        environment: Of its processes.
        logs: Folder of its log.
        root: Folder of the program, of another version perhaps.
    """

    def __init__(
        self,
        name: str,
        *,
        queues: str,
        concurrency: int,
        app: str,
        environment: Mapping[str, str],
        logs: Path,
        root: Path = ROOT,
    ) -> None:
        options = ["-Q", queues, "-c", str(concurrency), "-n", f"{name}@%h"]
        self._command = [sys.executable, "-m", "celery", "-A", app, "--quiet", "worker", *options]
        self._environment = dict(environment)
        self._root = root
        self.name = name
        self.log = logs / f"{name}.log"
        self._sessions: list[int] = []
        self.process = self._start()
        self.wanted = True

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                [*self._command, "--without-gossip", "--without-mingle"],
                env=self._environment,
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._sessions.append(process.pid)
        return process

    def restart_if_fallen(self) -> bool:
        """Start it again if it fell and is wanted; tells whether it did."""
        if not self.wanted or self.process.poll() is None:
            return False
        self.process = self._start()
        return True

    def children(self) -> list[int]:
        """List the processes of its pool."""
        return [pid for pid in _members(self.process.pid) if pid != self.process.pid]

    def signal_all(self, number: signal.Signals) -> None:
        """Signal every process of its sessions, also those that a killed parent left behind."""
        for session in self._sessions:
            for pid in _members(session):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def terminate(self) -> None:
        """Ask it to stop, once."""
        self.wanted = False
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Kill it, and do not start it again."""
        self.wanted = False
        self.signal_all(signal.SIGKILL)
        self.process.wait(ENDED_WITHIN_S)


class Fleet:
    """Workers that are started again as soon as they fall."""

    def __init__(self, environment: Mapping[str, str], logs: Path) -> None:
        self.environment = dict(environment)
        self._logs = logs
        self._ended = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self.workers: list[Worker] = []
        self.kills = 0
        self.restarts = 0

    def add(
        self,
        name: str,
        *,
        queues: str = "calls,media",
        concurrency: int = 4,
        app: str = "workers",
        root: Path = ROOT,
    ) -> Worker:
        """Start a worker."""
        worker = Worker(
            name,
            queues=queues,
            concurrency=concurrency,
            app=app,
            environment=self.environment,
            logs=self._logs,
            root=root,
        )
        self.workers.append(worker)
        if not self._supervisor.is_alive():
            self._supervisor.start()
        return worker

    def kill_a_worker(self, random: Random) -> None:
        """Kill one worker with all of its processes; nothing where all are dead already."""
        living = [worker for worker in self.workers if worker.process.poll() is None]
        if living:
            random.choice(living).signal_all(signal.SIGKILL)
            self.kills += 1

    def kill_a_process(self, random: Random) -> None:
        """Kill one process of one pool; nothing where all are dead already."""
        children = [pid for worker in self.workers for pid in worker.children()]
        if children:
            with suppress(ProcessLookupError):
                os.kill(random.choice(children), signal.SIGKILL)
            self.kills += 1

    def end(self) -> None:
        """Kill every worker."""
        self._ended.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        for worker in self.workers:
            worker.end()

    def _supervise(self) -> None:
        while not self._ended.wait(LOOK_INTERVAL_S):
            self.restarts += sum(worker.restart_if_fallen() for worker in list(self.workers))


def _members(session: int) -> list[int]:
    """List the processes of a session."""
    return [pid for pid in _all_pids() if _session_of(pid) == session]


def _all_pids() -> list[int]:
    if PROC.is_dir():
        return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
    # There is no /proc on macOS.
    command = ["ps", "-A", "-o", "pid="]
    return [
        int(pid)
        for pid in subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True).stdout.split()
    ]


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return 0
