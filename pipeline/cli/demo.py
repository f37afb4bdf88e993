"""`gong-ingest demo`: the main job on this machine, with nothing real at stake.

Makes recordings with valid audio and a manifest, starts a simulator of the API with its default limits, runs
`gong-ingest backfill` on it as anyone would, and compares what the simulator holds with what was there.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from pipeline.cli import ExitCode
from pipeline.cli.recordings import generate_recordings
from pipeline.errors import WorkersFailed
from pipeline.settings import environment_with

# What the simulator takes unless told otherwise.
ACCESS_KEY, ACCESS_KEY_SECRET = "demo-key", "demo-secret"
STOP_DEADLINE_S = 10.0
ANSWER_TIMEOUT_S = 10.0


@click.command()
@click.option("--recordings", default=40, show_default=True, type=click.IntRange(1), help="How many.")
@click.option(
    "--policy",
    default="sliding",
    show_default=True,
    type=click.Choice(["fixed", "sliding", "bucket"]),
    help="How the simulated API counts its limits.",
)
def demo(recordings: int, policy: str) -> int:
    """See the main job done in under a minute, on this machine alone.

    \b
    Example:
      gong-ingest demo --recordings 10
    """
    with tempfile.TemporaryDirectory(prefix="gong-ingest-demo-") as scratch, simulator(policy) as url:
        folder = Path(scratch)
        manifest = generate_recordings(folder, recordings)
        click.echo(
            f"{recordings} recordings in {folder}, a simulated API ({policy} windows) at {url}", err=True
        )
        code = _backfill(manifest, folder, url)
        verdict = compare(_read_record(url), manifest)
        click.echo(verdict.sentence, err=True)
        return code or (ExitCode.DONE if verdict.is_right else ExitCode.SOME_FAILED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the simulator's own record says of the recordings."""

    recordings: int
    intact: int
    calls: int
    refused_requests: int

    @property
    def is_right(self) -> bool:
        """Tell whether every recording is there once, byte for byte, and nothing else."""
        return self.intact == self.recordings == self.calls

    @property
    def sentence(self) -> str:
        """Say so."""
        return (
            f"the simulator has {self.calls} calls, {self.intact} of {self.recordings} recordings are there "
            f"once and byte for byte, {self.refused_requests} requests over the limit"
        )


def compare(record: dict[str, Any], manifest: Path) -> Verdict:
    """Compare a simulator's record with the recordings of a manifest, by SHA-256."""
    by_id: dict[str, list[dict[str, Any]]] = {}
    for call in record["calls"]:
        by_id.setdefault(call["clientUniqueId"], []).append(call)
    rows = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    intact = sum(
        _is_intact(by_id.get(row["call"]["clientUniqueId"], []), row, manifest.parent) for row in rows
    )
    refused = sum(status == 429 for _at, _method, _path, status, _note in record["requests"])
    return Verdict(len(rows), intact, len(record["calls"]), refused)


def _is_intact(calls: list[dict[str, Any]], row: dict[str, Any], folder: Path) -> bool:
    if len(calls) != 1 or not calls[0]["media"]:
        return False
    content = (folder / row["media"]).read_bytes()
    return bool(calls[0]["media"]["sha256"] == hashlib.sha256(content).hexdigest())


def _backfill(manifest: Path, folder: Path, url: str) -> int:
    """Run the command in a process of its own, exactly as it is run for real."""
    environment = environment_with(
        base_url=url, access_key=ACCESS_KEY, access_key_secret=ACCESS_KEY_SECRET, data_dir=folder / "data"
    )
    for name in ("GONG_ACCESS_TOKEN", "GONG_INGEST_REDIS_URL", "GONG_INGEST_REDIS_URL_FILE"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "pipeline.cli", "backfill", str(manifest)]
    click.echo(f"$ gong-ingest backfill {manifest}", err=True)
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal told the command as well; it stops by itself and says how far it came.
            continue


def _read_record(url: str) -> dict[str, Any]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_TIMEOUT_S)
    connection.request("GET", "/_record")
    record: dict[str, Any] = json.load(connection.getresponse())
    connection.close()
    return record


@contextmanager
def simulator(policy: str) -> Iterator[str]:
    """Run a simulator on a free port; gives its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.simulator", "--port", "0", "--policy", policy],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("simulator listening on "):
            raise WorkersFailed("The simulator did not start.")
        yield line.removeprefix("simulator listening on ").strip()
    finally:
        process.terminate()
        process.wait(STOP_DEADLINE_S)
