"""One thread for all that this process keeps alive: it looks after each holding now and then.

A recording is held three times, for a fraction of a second each, and to have a thread begin and end with each
costs more than to ask the server something. Invariants: what has ended is looked after no more, and nobody
goes on while it still is. The thread sleeps while nothing is held, and does not keep a process from ending;
after a fork there is a new one. A look that hangs holds up the others: a process holds one job at a time.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress

log = logging.getLogger(__name__)


class Beating:
    """Something that is looked after until its end, or until its look says that there is no more to see."""

    def __init__(self, look: Callable[[], bool], every_s: float) -> None:
        self.every_s = every_s
        self._look = look
        self._has_ended = False
        self._looking = threading.Lock()

    def beat(self) -> None:
        """Look once; an error ends it, and is logged."""
        with self._looking:
            if self._has_ended:
                return
            try:
                goes_on = self._look()
            except BaseException:
                log.exception("What is held could not be looked after any more.")
                goes_on = False
        if not goes_on:
            self.end()

    def end(self) -> None:
        """Look no more; a look under way is waited for."""
        self._has_ended = True
        _heart.leave(self)
        with self._looking:
            pass


class _Heart:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._beating: list[Beating] = []
        self._is_new = threading.Event()
        self._thread: threading.Thread | None = None
        # How long the thread sleeps at most; None while it waits for somebody to come.
        self._sleeps_s: float | None = None

    def join(self, beating: Beating) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                # Kept only once it runs: where there is no room for a thread now, the next one tries anew.
                self._sleeps_s = None
                thread = threading.Thread(target=self._run, name="heart", daemon=True)
                thread.start()
                self._thread = thread
            self._beating.append(beating)
            if self._sleeps_s is None or beating.every_s < self._sleeps_s:
                self._is_new.set()

    def leave(self, beating: Beating) -> None:
        with self._lock, suppress(ValueError):
            self._beating.remove(beating)

    def _run(self) -> None:
        while True:
            with self._lock:
                self._sleeps_s = min((each.every_s for each in self._beating), default=None)
            if self._is_new.wait(self._sleeps_s):
                self._is_new.clear()
                continue
            for each in tuple(self._beating):
                each.beat()


def keep_beating(look: Callable[[], bool], *, every_s: float) -> Beating:
    """Look again and again in a thread of this process, until its end or until `look` gives False."""
    beating = Beating(look, every_s)
    _heart.join(beating)
    return beating


_heart = _Heart()


def _begin_anew() -> None:
    global _heart  # noqa: PLW0603 - the parent's thread is not there after a fork
    _heart = _Heart()


os.register_at_fork(after_in_child=_begin_anew)
