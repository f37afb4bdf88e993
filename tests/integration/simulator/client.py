"""A client of the standard library alone: the pipeline's own client is neither needed nor believed."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from tests.simulators import Simulator
from tests.unit.simulator.calls import FORM, make_body, make_form

TIMEOUT_S = 30.0


def wait_until(happened: Callable[[], bool], within_s: float = 10.0) -> None:
    """Ask again and again until something has happened; fail when it does not in time."""
    until_s = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > until_s:
            raise TimeoutError(f"It did not happen within {within_s} s.")


def wait_for_requests(simulator: Simulator, count: int) -> None:
    """Wait until as many requests have arrived since the simulator started."""
    wait_until(lambda: simulator.health()["requests"] >= count)


def basic(credentials: str) -> str:
    return "Basic " + base64.b64encode(credentials.encode()).decode()


AUTHORIZATION = {"Authorization": basic("demo-key:demo-secret")}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    fields: dict[str, Any]

    @property
    def error(self) -> str:
        return "; ".join(self.fields["errors"])


class Client:
    """One connection, which is kept and, when the server closes it, opened again."""

    def __init__(self, simulator: Simulator) -> None:
        self.connection = HTTPConnection(simulator.url.removeprefix("http://"), timeout=TIMEOUT_S)

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        self.connection.request(method, path, body, {**AUTHORIZATION, **(headers or {})})
        response = self.connection.getresponse()
        return Reply(response.status, dict(response.headers), json.loads(response.read()))

    def create(self, **overrides: Any) -> Reply:
        return self.ask("POST", "/v2/calls", make_body(**overrides), {"Content-Type": "application/json"})

    def upload(self, call_id: str, **form: Any) -> Reply:
        return self.ask("PUT", f"/v2/calls/{call_id}/media", make_form(**form), {"Content-Type": FORM})


@contextmanager
def connected(simulator: Simulator) -> Iterator[Client]:
    client = Client(simulator)
    try:
        yield client
    finally:
        client.connection.close()


@contextmanager
def raw_connection(simulator: Simulator) -> Iterator[socket.socket]:
    """Open a socket to the simulator, for what an HTTP client would not do."""
    host, port = simulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as connection:
        yield connection


def raw_head(method: str, path: str, **headers: object) -> bytes:
    """Make the head of a request; `content_length=1` becomes `Content-Length: 1`."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: simulator",
        f"Authorization: {AUTHORIZATION['Authorization']}",
    ]
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    pieces = []
    while piece := connection.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)
