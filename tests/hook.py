"""A receiver of the webhook as a process of its own, by other means than the sender: `python -m tests.hook`.

It checks every signature as Standard Webhooks has it, and writes each delivery as a line of JSON into a file:
its id, its event, whether it is genuine, and the status that it was answered with. What it answers stands in
a file that it reads for each delivery, so that it can be made to fail and to stand still while it runs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

from tests.environment import ENVIRONMENT

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# As Standard Webhooks tells receivers.
TOLERANCE_S = 300
READY_WITHIN_S = 20.0


class _Handler(BaseHTTPRequestHandler):
    """Answers as it is told."""

    protocol_version = "HTTP/1.1"
    folder: Path
    random = Random(1)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with (self.folder / "arrivals").open("a", encoding="utf-8") as log:
            log.write(f"{self.headers['webhook-id']}\n")
        told = json.loads((self.folder / "answer.json").read_text("utf-8"))
        time.sleep(told.get("wait_s", 0))
        fails = self.random.random() < told.get("share", 1)
        status = told["status"] if fails else 204
        delivery = {
            "id": self.headers["webhook-id"],
            "event": json.loads(body),
            "is_genuine": _is_genuine(self.headers, body),
            "status": status,
            "path": self.path,
            "from": self.client_address,
            "authorization": self.headers["Authorization"],
        }
        with (self.folder / "deliveries.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(delivery) + "\n")
        self.send_response(status)
        for name, value in told.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Write nothing."""


def _is_genuine(headers: Any, body: bytes) -> bool:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    is_now = abs(time.time() - int(headers["webhook-timestamp"])) < TOLERANCE_S
    return is_now and any(
        hmac.compare_digest(each, f"v1,{expected}") for each in headers["webhook-signature"].split(" ")
    )


class _Server(ThreadingHTTPServer):
    """Listens on the port that `Hook` holds."""

    allow_reuse_port = True


def main(folder: str, port: str) -> None:
    """Serve until somebody ends the process."""
    _Handler.folder = Path(folder)
    server = _Server(("127.0.0.1", int(port)), _Handler)
    print("listens", flush=True)  # noqa: T201 - it is what whoever started it waits for
    server.serve_forever()


class Hook:
    """A receiver that can be ended and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Holds the port while nobody listens there, so that it is nobody else's when it is started again.
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._holder.bind(("127.0.0.1", 0))
        self._port: int = self._holder.getsockname()[1]
        self._process: subprocess.Popen[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.answer(204)

    @property
    def url(self) -> str:
        """Give its address."""
        return f"http://127.0.0.1:{self._port}/gong"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "tests.hook", str(self._folder), str(self._port)]
        self._process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        if (
            self._process.stdout is None
            or not select.select([self._process.stdout], [], [], READY_WITHIN_S)[0]
            or not self._process.stdout.readline()
        ):
            raise TimeoutError("The receiver does not listen.")

    def end(self) -> None:
        """End it, as when its machine is gone."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def close(self) -> None:
        """End it for good."""
        self.end()
        self._holder.close()

    def forget(self) -> None:
        """Be as new: it runs, takes everything, and has seen nothing."""
        self.answer(204)
        for name in ("deliveries.jsonl", "arrivals"):
            (self._folder / name).unlink(missing_ok=True)
        if self._process is None:
            self.start()

    def answer(self, status: int, **how: Any) -> None:
        """Answer so from now on: a `share` of them, after `wait_s`, with `headers`; the others with 204."""
        new = self._folder / "answer.new"
        new.write_text(json.dumps({"status": status} | how), "utf-8")
        new.replace(self._folder / "answer.json")

    def deliveries(self) -> list[dict[str, Any]]:
        """Read everything that came, in order."""
        path = self._folder / "deliveries.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def arrivals(self) -> list[str]:
        """Read the ids of all that came, also of what is not answered yet."""
        path = self._folder / "arrivals"
        return path.read_text("utf-8").splitlines() if path.exists() else []

    def taken(self) -> list[dict[str, Any]]:
        """Read the events that it took, in order."""
        return [each["event"] for each in self.deliveries() if each["status"] < 300]


@contextmanager
def running_hook(folder: Path) -> Iterator[Hook]:
    """Run a receiver."""
    hook = Hook(folder)
    try:
        hook.start()
        yield hook
    finally:
        hook.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
