"""Where a run takes place: recordings that stay, and a server and a simulator that are new each time."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from pipeline.ledger import Ledger
from pipeline.limiter import Limiter
from pipeline.settings import Settings
from pipeline.store import Store
from tests.recordings import make_long_call, wav
from tests.servers import Server, running_server
from tests.simulators import Simulator, running_simulator
from tests.system.machine import ACCESS_KEY, ACCESS_KEY_SECRET

MEDIA_BYTES = 64_000
# What a setting may say at most; nobody here comes near it.
LIFTED_PER_S, LIFTED_PER_DAY = 10_000, 100_000_000
NAMESPACE = "bench"
LEASE_TTL_S = 10


@dataclass(frozen=True, slots=True)
class Recordings:
    """So many recordings: a manifest, and the media below its folder."""

    folder: Path
    count: int

    @property
    def manifest(self) -> Path:
        """List them, as JSON lines."""
        return self.folder / f"{self.count}.jsonl"

    def first(self, count: int) -> Recordings:
        """Give the first ones of them."""
        fewer = replace(self, count=count)
        lines = self.manifest.read_text("utf-8").splitlines(keepends=True)
        fewer.manifest.write_text("".join(lines[:count]), "utf-8")
        return fewer


@dataclass(frozen=True, slots=True)
class Place:
    """A server, a simulator, and the recordings to be brought in."""

    recordings: Recordings
    server: Server
    simulator: Simulator
    store: Store
    per_second: float = LIFTED_PER_S

    @property
    def ledger(self) -> Ledger:
        """Look into the pipeline's ledger."""
        return Ledger(self.store, lease_ttl_s=LEASE_TTL_S, attempts_max=20)

    @property
    def limiter(self) -> Limiter:
        """Look at the pace as the workers see it."""
        return Limiter.from_settings(
            Settings(requests_per_second=self.per_second, requests_per_day=LIFTED_PER_DAY), self.store
        )

    @property
    def broker_url(self) -> str:
        """Give the server's address as kombu knows it."""
        return self.server.url.replace("unix://", "redis+socket://")

    @property
    def logs(self) -> Path:
        """Give the folder of logs."""
        return self.recordings.folder

    def environment(self) -> dict[str, str]:
        """Give the environment of every program and worker, the pipeline's and others'."""
        settings = {
            "REDIS_URL": self.server.url,
            "NAMESPACE": NAMESPACE,
            "MEDIA_ROOTS": str(self.recordings.folder),
            "REQUESTS_PER_SECOND": f"{self.per_second:g}",
            "REQUESTS_PER_DAY": str(LIFTED_PER_DAY),
            "LEASE_TTL_S": str(LEASE_TTL_S),
            "LOG_LEVEL": "WARNING",
        }
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.recordings.folder),
            "GONG_BASE_URL": self.simulator.url,
            "GONG_ACCESS_KEY": ACCESS_KEY,
            "GONG_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
            "API_URL": self.simulator.url,
            "API_KEY": ACCESS_KEY,
            "API_SECRET": ACCESS_KEY_SECRET,
            "BROKER_URL": self.broker_url,
            "VISIBILITY_TIMEOUT_S": str(LEASE_TTL_S),
        } | {f"GONG_INGEST_{name}": value for name, value in settings.items()}

    def requests(self, endpoint: str) -> Mapping[str, int]:
        """Count the simulator's answers of an endpoint, by their status."""
        totals: Mapping[str, Mapping[str, int]] = self.simulator.record("calls=0&requests=0")["totals"]
        return totals.get(endpoint, {})


@contextmanager
def recordings(count: int, *, size_bytes: int = MEDIA_BYTES) -> Iterator[Recordings]:
    """Make so many recordings, each with media of its own; they are there until the end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        made = Recordings(Path(folder), count)
        (made.folder / "media").mkdir()
        with made.manifest.open("w", encoding="utf-8") as lines:
            for number in range(count):
                path = f"media/{number}.wav"
                (made.folder / path).write_bytes(wav(Random(number).randbytes(size_bytes)))
                lines.write(json.dumps({"call": make_body(number), "media": path}) + "\n")
        yield made


def make_body(number: int) -> dict[str, Any]:
    """Make a long call of a company that the simulator knows: no workspace, no user who may not import."""
    call = make_long_call(number)
    return {name: value for name, value in call.items() if name != "workspaceId"}


@contextmanager
def place(
    recordings: Recordings, *, per_second: float | None = None, program: str = "", **options: Any
) -> Iterator[Place]:
    """Start a server, of another program than the project's if one is named, and a simulator.

    Its limit a second is lifted unless it is given.
    """
    limits = {
        "requests_per_second": per_second or 10 * LIFTED_PER_S,
        "requests_per_day": LIFTED_PER_DAY,
    }
    with running_server(program=program) as server, running_simulator(**(limits | options)) as simulator:
        store = Store(server.url, NAMESPACE)
        yield Place(recordings, server, simulator, store, per_second or LIFTED_PER_S)
        store.close()
