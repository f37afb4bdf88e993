"""How often a command was asked to stop, with Ctrl-C, SIGTERM or the end of its terminal.

The first time is a KeyboardInterrupt. Once a command stops in order, further times are only counted, and who
waits for the order's end asks for the count: an exception may come at any instruction of the cleaning up,
and where Python runs a destructor or a callback of the garbage collector it is dropped.
"""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

# Asked so often, a command stops at once; it is seen so soon.
IMPATIENT, LOOK_INTERVAL_S = 2, 0.2


@dataclass(slots=True)
class _Interrupts:
    count: int = 0
    only_counts: bool = False


_interrupts = _Interrupts()


def install() -> None:
    """Take the three signals as being asked to stop; one that is ignored, as by nohup, stays so."""
    signal.signal(signal.SIGINT, _take)
    signal.signal(signal.SIGTERM, _take)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _take)


def only_count() -> None:
    """Raise nothing from now on."""
    _interrupts.only_counts = True


def raise_again() -> None:
    """Let the next time be a KeyboardInterrupt again: what had to be stopped in order is stopped.

    Not behind a hurried stop: little is left, and a third time would only leave something running.
    """
    _interrupts.only_counts = is_impatient()


def is_impatient() -> bool:
    """Tell whether somebody asked again."""
    return _interrupts.count >= IMPATIENT


def ends_in_order(process: subprocess.Popen[bytes], *, within_s: float) -> bool:
    """Wait for a process's end; False when the time is over, or somebody asked again."""
    deadline = time.monotonic() + within_s
    while process.poll() is None:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or is_impatient():
            return False
        with suppress(subprocess.TimeoutExpired):
            process.wait(min(left_s, LOOK_INTERVAL_S))
    return True


def _take(_number: int, _frame: FrameType | None) -> None:
    _interrupts.count += 1
    if not _interrupts.only_counts:
        raise KeyboardInterrupt
