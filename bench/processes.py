"""What processes use, as Linux tells it in /proc: processor time and memory, of sessions or of this one."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
TICKS_S = os.sysconf("SC_CLK_TCK")


class _Stat(NamedTuple):
    pid: int
    parent: int
    session: int
    ticks: int


def processor_s(*, sessions: Collection[int] = (), pids: Collection[int] = ()) -> float:
    """Give the processor time that the processes of these sessions, and these processes, have used so far.

    With that of their children that have ended.
    """
    used = (stat.ticks for stat in _stats() if stat.session in sessions or stat.pid in pids)
    return sum(used) / TICKS_S


def memory_bytes(*, sessions: Collection[int]) -> int:
    """Give the memory that the processes of these sessions hold; what they share counts once (PSS)."""
    return sum(_held_bytes(stat.pid) for stat in _stats() if stat.session in sessions)


def own_bytes(field: str) -> int:
    """Give a figure of this process's memory: `VmRSS` is what it holds, `VmHWM` what it held at most.

    `VmHWM` begins anew when a program is started; `ru_maxrss` begins with what the parent held at most.
    """
    for line in (PROC / "self" / "status").read_text("utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"The status of this process has no {field}.")


def sessions_below(pid: int) -> set[int]:
    """Give the sessions of a process and of its children, which may have their own."""
    return {stat.session for stat in _stats() if pid in {stat.pid, stat.parent}}


def _held_bytes(pid: int) -> int:
    with suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text("utf-8").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _stats() -> Iterator[_Stat]:
    for entry in PROC.iterdir():
        # A process may end while it is looked at.
        with suppress(OSError):
            if entry.name.isdecimal():
                # Field 4: the parent, 6: the session, 14 to 17: ticks, its own and of its children (proc(5)).
                fields = (entry / "stat").read_text("utf-8").rpartition(")")[2].split()
                yield _Stat(int(entry.name), int(fields[1]), int(fields[3]), sum(map(int, fields[11:15])))
