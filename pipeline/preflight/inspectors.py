"""The processes that pieces are inspected in.

Each has one piece at a time, over a pipe of its own; what comes back is told in the order of the pieces. So
there is no queue that could fill up, no lock that a killed process could hold, and at most as many results
wait as there may be pieces ahead of the oldest one under way. Twins are told by each process as fast as they
are taken from it: it waits when its pipe is full.

Invariants: who waits for a process that is gone is told so at once. Whatever ends the block ends the
processes.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Self

from pipeline.errors import WorkersFailed
from pipeline.preflight.finding import Inspected
from pipeline.preflight.inspector import WAITED_WITH, Piece, Task, serve
from pipeline.preflight.twins import PARTS, Twin

END_DEADLINE_S = 5.0
# Pieces that may be ahead of the oldest one under way, for each process.
_AHEAD = 8


@dataclass(slots=True)
class _Process:
    """A process, and which piece it works on."""

    process: BaseProcess
    connection: Connection
    number: int | None = None


@dataclass(slots=True)
class Inspectors:
    """Processes that inspect, until the block ends.

    They start within the block: a signal that came while the block was entered would leave them running.

    Attributes:
        tell: Takes what each piece came to, in their order.
    """

    tell: Callable[[Inspected], None]
    processes: list[_Process] = field(default_factory=list)
    _given: int = 0
    _told: int = 0
    _waiting: dict[int, Inspected] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        _end(self.processes)

    def start(self, count: int, task: Task) -> None:
        """Start so many processes."""
        _start(self.processes, count, task)

    def inspect(self, piece: Piece) -> None:
        """Hand a piece to the next process that is free.

        Raises:
            WorkersFailed: A process is gone.
        """
        while self._given - self._told > _AHEAD * len(self.processes) or not self._free():
            self._tell_one()
        self._send(self._free()[0], self._given, piece)
        self._given += 1

    def finish(self) -> None:
        """Wait until every piece was told, and let the processes finish their marks.

        Raises:
            WorkersFailed: A process is gone.
        """
        while self._told < self._given:
            self._tell_one()
        for each in self.processes:
            self._send(each, 0, None)
        for _ in self.processes:
            self._receive()

    def twins(self) -> Iterator[Sequence[Twin]]:
        """Find the twins of all rows, bundle by bundle in the order of parts, when the marks are finished.

        Raises:
            WorkersFailed: A process is gone.
        """
        count = len(self.processes)
        for number, each in enumerate(self.processes):
            self._send(each, 0, range(number, PARTS, count))
        for part in range(PARTS):
            process = self.processes[part % count]
            while twins := _answer_of(process):
                yield twins

    def _free(self) -> list[_Process]:
        return [each for each in self.processes if each.number is None]

    def _tell_one(self) -> None:
        number, found = self._receive()
        self._waiting[number] = found
        while self._told in self._waiting:
            self.tell(self._waiting.pop(self._told))
            self._told += 1

    def _send(self, to: _Process, number: int, work: Piece | range | None) -> None:
        try:
            to.connection.send(work)
        except OSError as error:
            raise _gone(to.process) from error
        to.number = number

    def _receive(self) -> tuple[int, Any]:
        """Wait for what any process has to say: the number of its work, and what it came to."""
        busy = {each.connection: each for each in self.processes if each.number is not None}
        (ready, *_) = wait(list(busy))
        process = next(each for connection, each in busy.items() if connection is ready)
        answer = _answer_of(process)
        number, process.number = process.number, None
        return number or 0, answer


def _answer_of(process: _Process) -> Any:
    """Wait for what a process has to say."""
    try:
        answer = process.connection.recv()
    except (EOFError, OSError) as error:
        raise _gone(process.process) from error
    if isinstance(answer, str):
        raise WorkersFailed(f"A process that checked rows could not go on: {answer}.")
    return answer


def _start(processes: list[_Process], count: int, task: Task) -> None:
    """Start so many processes, and add each to those that are to be ended."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([serve.__module__])
    # A process that is half started when this one ends complains of it, and nobody ends it.
    with _signals_kept_waiting():
        for number in range(1, count + 1):
            mine, its = context.Pipe()
            process = context.Process(target=serve, args=(its, task, number), daemon=True)
            process.start()
            its.close()
            processes.append(_Process(process, mine))


@contextmanager
def _signals_kept_waiting() -> Iterator[None]:
    """Let signals that end a command wait until the block ends.

    They are blocked, so that Ctrl-C is for this process alone: what is started meanwhile never gets it. That
    keeps them from this thread only. The system gives them to another thread then, and Python calls their
    handlers in the main thread all the same; so they have other handlers meanwhile.
    """
    ending = {signal.SIGINT, *WAITED_WITH}
    came: list[int] = []
    # Or it is started below, and unblocks them all. Before the handlers: what nohup ignores it ignores too.
    resource_tracker.ensure_running()
    before = {each: signal.signal(each, lambda number, _frame: came.append(number)) for each in ending}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)
        for each, handler in before.items():
            signal.signal(each, handler)
        if came:
            signal.raise_signal(came[0])


def _end(processes: Sequence[_Process]) -> None:
    for each in processes:
        each.connection.close()
        each.process.terminate()
    for each in processes:
        each.process.join(END_DEADLINE_S)
        if each.process.is_alive():
            each.process.kill()
            each.process.join()


def _gone(process: BaseProcess) -> WorkersFailed:
    process.join(END_DEADLINE_S)
    code = process.exitcode
    if code is None or code >= 0:
        return WorkersFailed(
            "A process that checked rows ended by itself; what it wrote says why. "
            "Run it again with --processes 1 to see where."
        )
    ended_by = signal.Signals(-code).name
    return WorkersFailed(
        f"A process that checked rows was ended from outside ({ended_by}), most often because the machine "
        "has too little memory. Run it again, with --processes 1 if need be."
    )
