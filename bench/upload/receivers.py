"""Who is uploaded to: the simulator, which checks and hashes what it takes, or a sink, which does not."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.gong import GongClient
from tests.integration.gong.servers import CERTIFICATE
from tests.recordings import make_call
from tests.simulators import running_simulator, stop

KEY, SECRET = "demo-key", "demo-secret"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A process that takes uploads at an address."""

    name: str
    url: str
    pid: int
    certificate: Path | None = None
    takes_calls: bool = False
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_calls(self, count: int) -> list[str]:
        """Give the ids of calls whose media is to come."""
        if not self.takes_calls:
            return ["1"] * count
        with GongClient(self.url, access_key=KEY, access_key_secret=SECRET) as client:
            answers = [
                client.create_call(json.dumps(make_call(f"bench-{next(self._numbers)}")))
                for _ in range(count)
            ]
        return [str(answer.call_id) for answer in answers]


@contextmanager
def simulator() -> Iterator[Receiver]:
    """Run a simulator whose limits nobody reaches."""
    with running_simulator(requests_per_second=100_000, requests_per_day=10_000_000) as running:
        yield Receiver("simulator, http", running.url, running.process.pid, takes_calls=True)


@contextmanager
def sink(*, tls: bool = False) -> Iterator[Receiver]:
    """Run a sink."""
    certificate = CERTIFICATE if tls else None
    arguments = [str(certificate)] if certificate else []
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.upload.sink", *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None:
            raise RuntimeError("The sink has no output.")
        scheme = "https" if tls else "http"
        url = f"{scheme}://127.0.0.1:{int(process.stdout.readline())}"
        yield Receiver(f"sink, {scheme}", url, process.pid, certificate)
    finally:
        stop(process)
