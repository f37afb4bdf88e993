"""Threads that are lent: who needs one for a moment gets one that is there already.

A recording needs several, for a fraction of a second each, and to start and end one costs more than to ask
the server something. Invariants: a thread works for one at a time, and is free again only when that work has
ended: one that hangs hinders nobody. None of them keeps a process from ending, and none is lent after a fork.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

log = logging.getLogger(__name__)

IDLE_MAX = 4
"""Threads kept: more are seldom at work in a process at once."""
IDLE = "idle"


class Run:
    """Something that is done in a thread of its own, from now on."""

    def __init__(self, name: str, run: Callable[[], object]) -> None:
        self.name = name
        self._run = run
        self._at_work = threading.Lock()
        self._at_work.acquire()

    def is_alive(self) -> bool:
        """Tell whether it has not come to its end."""
        return self._at_work.locked()

    def join(self, timeout_s: float = -1) -> None:
        """Wait for its end, so long at most."""
        if self._at_work.acquire(timeout=timeout_s):
            self._at_work.release()

    def go(self) -> None:
        """Run to its end."""
        self._run()

    def end(self) -> None:
        """Let whoever waits for its end go on."""
        self._at_work.release()


# Of each thread that has nothing to do, what it takes its next work from.
_idle: list[SimpleQueue[Run]] = []
os.register_at_fork(after_in_child=_idle.clear)


def lend(name: str, run: Callable[[], object]) -> Run:
    """Let something be done in a thread that nobody else uses meanwhile; what it raises is logged."""
    running = Run(name, run)
    with suppress(IndexError):
        _idle.pop().put(running)
        return running
    tasks: SimpleQueue[Run] = SimpleQueue()
    tasks.put(running)
    # One that hangs must not keep the process from ending.
    threading.Thread(target=_work, args=(tasks,), daemon=True).start()
    return running


def _work(tasks: SimpleQueue[Run]) -> None:
    """Run one thing after the other, as long as not too many wait for something to do."""
    thread, goes_on = threading.current_thread(), True
    while goes_on:
        running = tasks.get()
        thread.name = running.name
        try:
            running.go()
        except BaseException:
            log.exception("What was done beside (%s) did not come to its end.", running.name)
        thread.name = IDLE
        # Idle before its end is told: who waited for that may need the next one at once.
        goes_on = len(_idle) < IDLE_MAX
        if goes_on:
            _idle.append(tasks)
        running.end()
        # Nothing is held while it waits.
        del running
