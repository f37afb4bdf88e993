"""A user's machine: an empty home, a data folder, and `gong-ingest` as processes of their own on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from tests.environment import ENVIRONMENT
from tests.system.processes import Process, processes_of

# The simulator's own default, under which it is published; `test_secrets.py` takes another one.
ACCESS_KEY, ACCESS_KEY_SECRET = "demo-key", "demo-secret"
COMMAND = (sys.executable, "-m", "pipeline.cli")

# Environment variables; None takes one away.
Settings = Mapping[str, str | None]
NONE: Settings = MappingProxyType({})
PIPES = MappingProxyType(dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE))


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str

    @property
    def written(self) -> str:
        """Give both."""
        return self.stdout + self.stderr

    @property
    def document(self) -> dict[str, Any]:
        """Read the one JSON object on standard output."""
        (line,) = self.stdout.splitlines()
        document: dict[str, Any] = json.loads(line)
        return document


@dataclass(slots=True)
class Machine:
    """Runs commands as a user does, with an environment in which nothing but these settings is set.

    A context manager: at its end nothing runs on it any more, whatever a test left behind.

    Attributes:
        folder: Holds the home and, unless a setting names another, the data of the embedded server.
        settings: Of every command.
    """

    folder: Path
    settings: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "home").mkdir(parents=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while left := self.processes():
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def environment(self, settings: Settings) -> dict[str, str]:
        """Give the environment of a command; its own settings win over those of the machine."""
        values = {
            "PATH": ENVIRONMENT["PATH"],
            "HOME": str(self.folder / "home"),
            "GONG_ACCESS_KEY": ACCESS_KEY,
            "GONG_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
            "GONG_INGEST_DATA_DIR": str(self.data),
        }
        both = values | self.settings | dict(settings)
        return {name: value for name, value in both.items() if value is not None}

    def start(
        self, *arguments: str | Path, settings: Settings = NONE, popen: Mapping[str, Any] = PIPES
    ) -> Command:
        """Start a command in a process group of its own, as a terminal does."""
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            env=self.environment(settings),
            cwd=self.folder,
            text=True,
            start_new_session=True,
            **popen,
        )
        return Command(process, self)

    def run(
        self, *arguments: str | Path, text: str = "", within_s: float = 60.0, settings: Settings = NONE
    ) -> Finished:
        """Run a command to its end; `text` is its standard input."""
        return self.start(*arguments, settings=settings).finish(text, within_s=within_s)

    def logs(self) -> str:
        """Read the logs of the workers."""
        return "".join(path.read_text("utf-8") for path in sorted((self.data / "logs").glob("*")))

    def processes(self) -> list[Process]:
        """List what runs on this machine."""
        return processes_of(self.folder)


@dataclass(frozen=True, slots=True)
class Command:
    """A command that runs."""

    process: subprocess.Popen[str]
    machine: Machine

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """Send a signal to the command's process group, as Ctrl-C in a terminal does."""
        os.killpg(self.process.pid, number)

    def finish(self, text: str = "", *, within_s: float = 60.0) -> Finished:
        """Wait for the command's end; kill it, and fail, when it takes longer."""
        try:
            stdout, stderr = self.process.communicate(text, timeout=within_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            stdout, stderr = self.process.communicate()
            told = f"{stdout}{stderr}{self.machine.logs()[-5000:]}"
            raise AssertionError(f"{self.process.args!r} took more than {within_s} s.\n{told}") from None
        return Finished(self.process.returncode, stdout or "", stderr or "")
