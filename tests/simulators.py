"""Starts simulators for tests: each a process of its own on a port of its own, stopped at the end."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from tests.environment import ENVIRONMENT

READY = "simulator listening on "
READY_WITHIN_S = 20.0
STOPPED_WITHIN_S = 5.0
ANSWER_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Simulator:
    """A simulator that runs; `url` is its base address."""

    url: str
    process: subprocess.Popen[str]

    def record(self, query: str = "") -> dict[str, Any]:
        """Return what it recorded; `query` leaves parts out, such as `requests=0`."""
        return self._ask(f"/_record?{query}")

    def health(self) -> dict[str, Any]:
        """Return how it is."""
        return self._ask("/_health")

    def sent(self) -> list[Any]:
        """List the requests that bring recordings in; a check reads the list of users besides."""
        return [each for each in self.record("calls=0")["requests"] if each[2] != "/v2/users"]

    def set_faults(self, faults: Mapping[str, object]) -> None:
        """Replace its faults, such as `{"lost": 0.2, "401": "@0-5"}`; `{}` ends them all."""
        self._ask("/_faults", json.dumps(dict(faults)).encode())

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        return ask(self.url, path, body)


def ask(url: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    """Ask a simulator that was started elsewhere, by its base address."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=ANSWER_WITHIN_S)
    with closing(connection):
        connection.request("GET" if body is None else "POST", path, body)
        response = connection.getresponse()
        answer: dict[str, Any] = json.load(response)
    if response.status != 200:
        raise ValueError(f"The simulator answered {path} with {response.status}: {answer}")
    return answer


@contextmanager
def running_simulator(**options: Any) -> Iterator[Simulator]:
    """Run a simulator with options as on its command line: `running_simulator(requests_per_second=50)`."""
    process = start_simulator(**options)
    try:
        yield Simulator(address_of(process), process)
    finally:
        stop(process)


def start_simulator(*, stderr: int | None = None, **options: Any) -> subprocess.Popen[str]:
    """Start the process and return at once; for a test of how it starts or ends.

    `stderr` is what `subprocess.Popen` takes; left out, its complaints show in the output of the test.
    """
    arguments = [_argument(name, value) for name, value in ({"port": 0} | options).items()]
    command = [sys.executable, "-m", "pipeline.simulator", *arguments]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=stderr, text=True)


def _argument(name: str, value: Any) -> str:
    option = f"--{name.replace('_', '-')}"
    return option if value is True else f"{option}={value}"


def stop(process: subprocess.Popen[str]) -> None:
    """Stop the process as a person would, and by force when that takes too long."""
    process.terminate()
    try:
        process.communicate(timeout=STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def address_of(process: subprocess.Popen[str]) -> str:
    """Wait until the simulator is ready and return its base address."""
    if process.stdout is None or not select.select([process.stdout], [], [], READY_WITHIN_S)[0]:
        raise TimeoutError(f"The simulator did not say that it is ready within {READY_WITHIN_S} s.")
    line = process.stdout.readline().strip()
    if not line.startswith(READY):
        raise RuntimeError(
            f"The simulator did not start; it said {line!r} and exited with {process.wait(5)}."
        )
    return line.removeprefix(READY)
