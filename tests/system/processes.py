"""The processes that belong to a folder: by their arguments, environment or current folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.environment import ENVIRONMENT

PROC = Path("/proc")


class Process(NamedTuple):
    """A living process: its arguments, which everyone on the machine may see, and its surroundings."""

    pid: int
    arguments: str
    surroundings: str


def processes_of(folder: Path) -> list[Process]:
    """List the living processes, other than this one, that were started for a folder or work in it."""
    found = _of_proc() if PROC.is_dir() else _of_ps()
    return [
        process
        for process in found
        if process.pid != os.getpid() and str(folder) in process.arguments + process.surroundings
    ]


def _of_proc() -> Iterator[Process]:
    for entry in PROC.iterdir():
        # A process may end while it is looked at, and that of somebody else may not be looked at.
        with suppress(OSError):
            if entry.name.isdecimal():
                arguments, environment = (_text(entry / name) for name in ("cmdline", "environ"))
                yield Process(int(entry.name), arguments, f"{environment} {(entry / 'cwd').readlink()}")


def _text(path: Path) -> str:
    return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _of_ps() -> Iterator[Process]:
    """Ask the system where there is no /proc; it shows the environment behind the arguments."""
    command = ["ps", "-A", "-E", "-ww", "-o", "pid=,command="]
    for line in subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, check=True
    ).stdout.splitlines():
        pid, _, text = line.strip().partition(" ")
        yield Process(int(pid), text, "")
