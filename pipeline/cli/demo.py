"""`gong-ingest demo`: the main job on this machine, with nothing real at stake.

Makes recordings with valid audio and a manifest, starts a simulator of the API with its default limits, runs
`gong-ingest backfill` on it as anyone would, and compares what the simulator holds with what was there.
With a folder it does so in a fleet that runs already: its workers, its ledger, and the simulator that
`GONG_BASE_URL` names. It refuses any other API.
"""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from pipeline.cli import ExitCode
from pipeline.errors import SettingsInvalid, WorkersFailed
from pipeline.settings import Settings, environment_of

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
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Below a media root of workers that run already: brings recordings in through them, and through the "
    "simulator that GONG_BASE_URL names.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output at the end.")
def demo(recordings: int, policy: str, folder: Path | None, as_json: bool) -> int:
    """See the main job done in under a minute, on this machine alone, or in a fleet with a simulator.

    \b
    Example:
      gong-ingest demo --recordings 10
    """
    code, verdict = _through_fleet(folder, recordings) if folder else _alone(recordings, policy)
    click.echo(verdict.sentence, err=True)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(verdict)))
    return code or (ExitCode.DONE if verdict.is_right else ExitCode.SOME_FAILED)


def _alone(recordings: int, policy: str) -> tuple[int, Verdict]:
    """Bring recordings in with nothing but what is started here."""
    from pipeline.cli.recordings import generate_recordings

    with tempfile.TemporaryDirectory(prefix="gong-ingest-demo-") as scratch, simulator(policy) as url:
        folder = Path(scratch)
        manifest = generate_recordings(folder, recordings)
        click.echo(
            f"{recordings} recordings in {folder}, a simulated API ({policy} windows) at {url}", err=True
        )
        # In a process of its own, as it is run for real, whatever is set for real.
        settings = Settings(
            base_url=url,
            access_key=ACCESS_KEY,
            access_key_secret=ACCESS_KEY_SECRET,
            data_dir=folder / "data",
        )
        code = _backfill(manifest, environment_of(settings, credentials=True))
        return code, compare(_read_record(url), manifest)


def _through_fleet(folder: Path, recordings: int) -> tuple[int, Verdict]:
    """Bring recordings, new ones each time, in through workers that run elsewhere.

    Raises:
        SettingsInvalid: There is no server for a fleet, or the API is no simulator.
    """
    from pipeline.cli.recordings import generate_recordings

    url = _fleet_with_simulator()
    before = _read_record(url)
    manifest = generate_recordings(folder, recordings, seed=int(time.time()))
    click.echo(f"{recordings} recordings in {folder}, a simulated API at {url}", err=True)
    code = _backfill(manifest, None)
    after = _read_record(url)
    new = {kind: after[kind][len(before[kind]) :] for kind in ("calls", "requests")}
    verdict = compare(new, manifest)
    if verdict.is_right:
        for row in _rows(manifest):
            (folder / row["media"]).unlink()
    return code, verdict


def _fleet_with_simulator() -> str:
    """Give the address of the fleet's API, if that is a simulator."""
    settings = Settings.from_env()
    if settings.redis_url is None:
        raise SettingsInvalid("GONG_INGEST_REDIS_URL is not set; --folder is for workers that run already.")
    url = settings.base_url or ""
    if not url.startswith("http://"):
        raise SettingsInvalid(
            f"GONG_BASE_URL is {url or 'not set'}, which is no simulator; the demo's recordings are invented."
        )
    try:
        is_simulator = "calls" in _get(url, "/_health")
    except (OSError, http.client.HTTPException, ValueError):
        is_simulator = False
    if not is_simulator:
        raise SettingsInvalid(f"No simulator answers at {url}, which GONG_BASE_URL names.")
    return url


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
        over = "1 request" if self.refused_requests == 1 else f"{self.refused_requests} requests"
        return (
            f"the simulator has {self.calls} calls, {self.intact} of {self.recordings} recordings are there "
            f"once and byte for byte, {over} over the limit"
        )


def compare(record: dict[str, Any], manifest: Path) -> Verdict:
    """Compare a simulator's record with the recordings of a manifest, by SHA-256."""
    by_id: dict[str, list[dict[str, Any]]] = {}
    for call in record["calls"]:
        by_id.setdefault(call["clientUniqueId"], []).append(call)
    rows = _rows(manifest)
    intact = sum(
        _is_intact(by_id.get(row["call"]["clientUniqueId"], []), row, manifest.parent) for row in rows
    )
    refused = sum(status == 429 for _at, _method, _path, status, _note in record["requests"])
    return Verdict(len(rows), intact, len(record["calls"]), refused)


def _rows(manifest: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]


def _is_intact(calls: list[dict[str, Any]], row: dict[str, Any], folder: Path) -> bool:
    if len(calls) != 1 or not calls[0]["media"]:
        return False
    content = (folder / row["media"]).read_bytes()
    return bool(calls[0]["media"]["sha256"] == hashlib.sha256(content).hexdigest())


def _backfill(manifest: Path, environment: Mapping[str, str] | None) -> int:
    """Run the command as a person does; without an environment in this one."""
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
    return _get(url, "/_record")


def _get(url: str, path: str) -> dict[str, Any]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_TIMEOUT_S)
    with closing(connection):
        connection.request("GET", path)
        document: dict[str, Any] = json.load(connection.getresponse())
        return document


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
