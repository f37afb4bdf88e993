"""Starts the API for tests: the command as a user runs it, on a free port, stopped at the end."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.environment import ENVIRONMENT

READY_WITHIN_S = 40.0
STOPPED_WITHIN_S = 40.0
ANSWER_WITHIN_S = 60.0
COMMAND = (sys.executable, "-m", "pipeline.cli")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def document(self) -> dict[str, Any]:
        """Read it as JSON."""
        document: dict[str, Any] = json.loads(self.content)
        return document

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Read it as lines of JSON."""
        return [json.loads(line) for line in self.content.splitlines()]

    @property
    def code(self) -> str:
        """Give the code of a refusal, checked to be one of the form that is documented."""
        assert self.headers["content-type"] == "application/problem+json", self.content
        assert self.document["status"] == self.status
        return str(self.document["code"])


@dataclass(frozen=True, slots=True)
class Api:
    """An API that runs.

    Attributes:
        log: The file with what it writes.
    """

    address: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def place(self) -> tuple[str, int]:
        """Give host and port."""
        parts = urlsplit(self.address)
        return parts.hostname or "", parts.port or 0

    def connect(self) -> HTTPConnection:
        """Connect, for more than one request."""
        return HTTPConnection(*self.place, timeout=ANSWER_WITHIN_S)

    def ask(self, method: str, path: str, body: Any = None, *, token: str = "", **headers: str) -> Answer:
        """Ask once; a body that is no text is sent as JSON."""
        with closing(self.connect()) as connection:
            return ask(connection, method, path, body, token=token, **headers)

    def hand_in(self, recording: Any, *, query: str = "", token: str = "") -> Answer:
        """Hand one recording in."""
        return self.ask("POST", f"/calls{query}", recording, token=token)

    def told(self) -> str:
        """Read what it has written so far."""
        return self.log.read_text("utf-8")

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """Send a signal to the command's process group, as Ctrl-C in a terminal does."""
        os.killpg(self.process.pid, number)

    def stop(self) -> int:
        """Stop it as a person would; gives its exit code."""
        if self.process.poll() is None:
            self.interrupt(signal.SIGTERM)
        return self.process.wait(STOPPED_WITHIN_S)


def ask(
    connection: HTTPConnection, method: str, path: str, body: Any = None, *, token: str = "", **headers: str
) -> Answer:
    """Ask on a connection that is kept."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    if body is not None and not isinstance(body, str | bytes):
        body = json.dumps(body)
        sent.setdefault("Content-Type", "application/json")
    connection.request(method, path, body.encode() if isinstance(body, str) else body, sent)
    response = connection.getresponse()
    names = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, names, response.read())


def path_of(client_unique_id: str, verb: str = "") -> str:
    """Give the path of a recording."""
    return f"/calls/{quote(client_unique_id, safe='')}{f':{verb}' if verb else ''}"


@contextmanager
def running_api(folder: Path, redis_url: str, *options: str, **settings: str) -> Iterator[Api]:
    """Run an API on a server of the ledger; its data lies in the folder. It must end well at the end."""
    variables = {f"GONG_INGEST_{name.upper()}": text for name, text in settings.items()}
    with started_api(folder, {"GONG_INGEST_REDIS_URL": redis_url} | variables, *options) as api:
        yield api
        assert api.stop() == 0, api.told()


@contextmanager
def started_api(folder: Path, settings: Mapping[str, str], *options: str) -> Iterator[Api]:
    """Start an API, for a test of how it ends; killed if it has not by then."""
    api = _start(folder, settings, *options)
    try:
        yield api
    finally:
        _kill(api.process)


def environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a command that reads nothing of this machine's user."""
    kept = {name: text for name, text in ENVIRONMENT.items() if not name.startswith("GONG_")}
    own = {"GONG_INGEST_CONFIG": os.devnull, "GONG_INGEST_DATA_DIR": str(folder / "data")}
    return kept | own | dict(settings)


def _start(folder: Path, settings: Mapping[str, str], *options: str) -> Api:
    """Start it, and wait until it listens."""
    log = folder / "api.log"
    with log.open("ab") as written:
        process = subprocess.Popen(
            [*COMMAND, "api", "--port", "0", "--json", *options],
            env=environment(folder, settings),
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
            start_new_session=True,
        )
    if process.stdout is None or not select.select([process.stdout], [], [], READY_WITHIN_S)[0]:
        _kill(process)
        raise TimeoutError(f"The API did not listen within {READY_WITHIN_S} s.\n{log.read_text()}")
    line = process.stdout.readline()
    if not line:
        process.stdout.close()
        raise RuntimeError(f"The API ended with {process.wait()}.\n{log.read_text()}")
    return Api(json.loads(line)["address"], process, log)


def _kill(process: subprocess.Popen[str]) -> None:
    """End it, if it lives still."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout:
        process.stdout.close()
