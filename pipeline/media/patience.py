"""Waiting for a source that may never answer: reading from a share whose server is gone ends by no timeout.

So whatever asks a source runs in a thread of its own, which is left when it takes too long. It is there again
if the source ever comes back. How many are left at once is bounded: while there are that many, nothing is
asked of any source, and everything that lies there waits.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

from pipeline.errors import MediaUnavailable
from pipeline.lent import Run, lend

STALL_S = 60.0
LOOK_INTERVAL_S = 0.5
LEFT_MAX = 16

Answer = TypeVar("Answer")
Watch = Callable[[], None]
"""Called every half second of a wait; what it raises ends the wait and comes out as it is."""

_left: list[Run] = []
_lock = threading.Lock()


def unwatched() -> None:
    """Let every wait go on."""


def answer_of(
    ask: Callable[[], Answer], *, drop: Callable[[Answer], None], stall_s: float, watch: Watch
) -> Answer:
    """Ask a source something, and wait for its answer `stall_s` at most.

    Args:
        ask: Runs in a thread of its own; what it raises comes out as it is.
        drop: Given an answer that comes when nobody waits for it any more.
        stall_s: How long to wait.
        watch: Called meanwhile.

    Raises:
        MediaUnavailable: There was no answer in time, or too many are still waited for.
    """
    answers: SimpleQueue[Answer | BaseException] = SimpleQueue()
    left = threading.Event()

    def run() -> None:
        try:
            answers.put(ask())
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            answers.put(error)
        if left.is_set():
            _drop_late(answers, drop)

    running = start("ask-source", run)
    try:
        return taken(answers, stall_s=stall_s, watch=watch)
    except BaseException:
        left.set()
        _drop_late(answers, drop)
        leave(running)
        raise


def taken(answers: SimpleQueue[Answer | BaseException], *, stall_s: float, watch: Watch) -> Answer:
    """Take the next answer of a source, or raise the error that came in its place.

    Raises:
        MediaUnavailable: None came within `stall_s`.
    """
    ends_at = time.monotonic() + stall_s
    while True:
        rest_s = ends_at - time.monotonic()
        with suppress(Empty):
            answer = answers.get(timeout=max(0.0, min(LOOK_INTERVAL_S, rest_s)))
            break
        watch()
        if rest_s <= 0:
            raise MediaUnavailable(f"The place where the media lies gave nothing for {stall_s:g} s.")
    if isinstance(answer, BaseException):
        raise answer
    return answer


def start(name: str, run: Callable[[], None]) -> Run:
    """Let something ask a source in a thread that nobody else uses meanwhile; what it raises is logged.

    Raises:
        MediaUnavailable: Too many wait for one already.
    """
    with _lock:
        _left[:] = [each for each in _left if each.is_alive()]
        if len(_left) >= LEFT_MAX:
            raise MediaUnavailable(
                f"{LEFT_MAX} readings of media wait for a place that does not answer; is its share mounted?"
            )
    return lend(name, run)


def leave(running: Run) -> None:
    """Wait for something no longer."""
    with _lock:
        _left.append(running)


def _forget() -> None:
    """Begin anew in a process that was forked off, in which no thread is there any more."""
    global _lock  # noqa: PLW0603 # somebody may have held it
    _lock = threading.Lock()
    _left.clear()


os.register_at_fork(after_in_child=_forget)


def _drop_late(answers: SimpleQueue[Answer | BaseException], drop: Callable[[Answer], None]) -> None:
    """Drop an answer that came too late; whoever takes it out of the queue does, and nobody else."""
    with suppress(Empty):
        answer = answers.get_nowait()
        if not isinstance(answer, BaseException):
            drop(answer)
