"""Starts Flower with our pages for tests: a process of its own on a port of its own."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlencode

import workers.flower
from tests.environment import ENVIRONMENT
from tests.waiting import await_true

LOGIN = "flower:a-word"
CONFIGURATION = Path(workers.flower.__file__).with_name("flowerconfig.py")
READY_WITHIN_S = 30.0
ANSWER_WITHIN_S = 120.0
NOTHING: Mapping[str, str] = MappingProxyType({})


class Answer(NamedTuple):
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Flower:
    """Flower as it runs.

    Attributes:
        port: Where it listens on 127.0.0.1.
        prefix: What stands before every path.
        login: Name and password that are sent; empty for none.
    """

    port: int
    process: subprocess.Popen[bytes]
    prefix: str = ""
    login: str = LOGIN

    @property
    def seen(self) -> str:
        """Give the address that stands before every path."""
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def get(self, path: str, *, live: bool = False, **arguments: str) -> Answer:
        """Ask for a page, or for its living part."""
        query = f"?{urlencode(arguments)}" if arguments else ""
        return self.ask("GET", path + query, {"X-Gong-Ingest-Live": "1"} if live else NOTHING)

    def act(self, headers: Mapping[str, str] = NOTHING, **fields: str) -> Answer:
        """Do something to a batch, as a page does."""
        sent = {"X-Gong-Ingest-Live": "1", "Content-Type": "application/x-www-form-urlencoded"} | dict(
            headers
        )
        return self.ask("POST", "/batch/act", sent, urlencode(fields))

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] = NOTHING, body: str | None = None
    ) -> Answer:
        """Send a request."""
        told = dict(headers)
        if self.login:
            told["Authorization"] = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_WITHIN_S)) as connection:
            connection.request(method, self.prefix + path, body, told)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read().decode(errors="replace"))


def free_port() -> int:
    """Find a port on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


@contextmanager
def held_port() -> Iterator[int]:
    """Find such a port, and keep it from others until Flower listens there."""
    with socket.socket() as holder:
        # Who sets this too, as Flower does, may listen beside a socket that does not; so Linux has it.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port = int(holder.getsockname()[1])
        if sys.platform != "linux":
            holder.close()
        yield port


def flower_command(port: int, *options: str) -> list[str]:
    """Write the command that starts it."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "workers",
        "--quiet",
        "flower",
        f"--conf={CONFIGURATION}",
        "--logging=none",
    ]
    return [*command, "--address=127.0.0.1", f"--port={port}", *options]


def environment(url: str, namespace: str, **variables: str) -> dict[str, str]:
    """Give an environment in which nothing but these settings is set."""
    own = {name: text for name, text in ENVIRONMENT.items() if not name.startswith(("GONG_", "FLOWER_"))}
    settings = {
        "GONG_INGEST_REDIS_URL": url,
        "GONG_INGEST_NAMESPACE": namespace,
        "GONG_INGEST_CONFIG": os.devnull,
    }
    return own | settings | variables


@contextmanager
def running_flower(
    url: str,
    namespace: str,
    *options: str,
    prefix: str = "",
    login: str = LOGIN,
    settings: Mapping[str, str] = NOTHING,
    **popen: Any,
) -> Iterator[Flower]:
    """Run Flower on a ledger; without a login nobody has to log in."""
    options = (*options, f"--url-prefix={prefix}") if prefix else options
    variables = dict(settings) | ({"FLOWER_BASIC_AUTH": login} if login else {})
    with held_port() as port:
        process = subprocess.Popen(
            flower_command(port, *options), env=environment(url, namespace, **variables), **popen
        )
        flower = Flower(port, process, prefix, login)
        try:
            await_true(lambda: is_healthy(flower), "Flower listens", within_s=READY_WITHIN_S)
            yield flower
        finally:
            # It holds nothing that would have to be closed.
            process.kill()
            process.wait()


def is_healthy(flower: Flower) -> bool:
    if flower.process.poll() is not None:
        raise RuntimeError(f"Flower ended with {flower.process.returncode}.")
    try:
        return flower.get("/healthcheck").status == 200
    except OSError:
        return False
