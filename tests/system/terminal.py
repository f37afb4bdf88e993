"""A terminal that a command is watched on: what it shows is kept."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
from pathlib import Path
from threading import Event, Thread

from tests.system.machine import NONE, Command, Finished, Machine, Settings

ROWS, COLUMNS = 24, 100
LOOK_INTERVAL_S = 0.05


class Terminal:
    """A command with a terminal as its standard input, output and error."""

    def __init__(self, machine: Machine, *arguments: str | Path, settings: Settings = NONE) -> None:
        """Start the command."""
        self._mine, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._shown: list[bytes] = []
        popen = {"stdin": its, "stdout": its, "stderr": its}
        self.command: Command = machine.start(
            *arguments, popen=popen, settings={"TERM": "xterm"} | dict(settings)
        )
        os.close(its)
        self._closed = Event()
        self._reader = Thread(target=self._read)
        self._reader.start()

    @property
    def shown(self) -> str:
        """Give everything that was shown so far, with the codes that move the cursor."""
        # What was read so far may end within a character.
        return b"".join(self._shown).decode(errors="replace")

    def type(self, text: str) -> None:
        """Type something, as a person at the keyboard."""
        os.write(self._mine, text.encode())

    def finish(self, *, within_s: float = 60.0) -> Finished:
        """Wait for the command's end."""
        finished = self.command.finish(within_s=within_s)
        self._reader.join()
        self.close()
        return Finished(finished.code, "", self.shown)

    def close(self) -> None:
        """Take the terminal away."""
        self._closed.set()
        self._reader.join()
        os.close(self._mine)

    def _read(self) -> None:
        while not self._closed.is_set():
            if select.select([self._mine], [], [], LOOK_INTERVAL_S)[0] and not self._read_on():
                return

    def _read_on(self) -> bool:
        try:
            self._shown.append(os.read(self._mine, 4096))
        except OSError:  # so Linux tells that the other end was closed
            return False
        return bool(self._shown[-1])
