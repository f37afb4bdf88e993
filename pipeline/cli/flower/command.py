"""What `gong-ingest flower` does: it starts Flower with this project's pages, and waits for its end."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import click

from pipeline import interrupts
from pipeline.cli import ExitCode
from pipeline.cli.flower.password import login_of
from pipeline.cli.session import Session, session
from pipeline.errors import SettingsInvalid
from pipeline.fleet import STANDARD_ERROR
from pipeline.settings import Settings, environment_of

# 100,000 tasks took 512 MB; this many take about 100.
MAX_TASKS = 20_000
# What is kept of the tasks over a restart is written that often, and at the end.
SAVE_INTERVAL_S = 600
LOOK_INTERVAL_S = 0.1
# How often an embedded server that fell is looked for.
REVIVE_INTERVAL_S = 2.0
STOP_WITHIN_S = 10.0


@click.command()
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=5555, show_default=True, type=click.IntRange(1, 65_535), help="Port to listen on."
)
@click.option("--url-prefix", default="", help="What stands before every path, behind a proxy.")
@click.option("--read-only", is_flag=True, help="Let nobody change anything from there.")
@click.option("--persistent", is_flag=True, help="Keep what is known of tasks over a restart.")
@click.option(
    "--no-password", is_flag=True, help="Let everybody on this machine look; nobody can change anything."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output once it listens.")
def flower(
    address: str,
    port: int,
    url_prefix: str,
    read_only: bool,
    persistent: bool,
    no_password: bool,
    as_json: bool,
) -> int:
    """Watch batches, the budget, tasks and workers in a browser, and pause, cancel or retry there.

    The password is made at the first run, shown once, and kept in the data folder. Flower's own variables
    (FLOWER_BASIC_AUTH, FLOWER_AUTH, FLOWER_CERTFILE, …) are heeded: docs/flower.md.

    \b
    Example:
      gong-ingest flower --port 5555
    """
    settings = Settings.from_env()
    _refuse_openness(address, no_password=no_password)
    _refuse_taken(address, port)
    folder = settings.data_dir / "flower"
    login = login_of(folder, without=no_password)
    prefix = url_prefix.strip("/")
    url = f"{_scheme()}://{_in_url(address)}:{port}{'/' if prefix else ''}{prefix}"
    options = [f"--address={address}", f"--port={port}", f"--max-tasks={MAX_TASKS}"]
    options += [f"--url-prefix={prefix}"] if prefix else []
    options += ["--read-only"] if read_only else []
    options += _persistence(folder) if persistent else []
    with session(settings) as opened:
        process = _start(opened, options, login.variables)
        try:
            click.echo(f"Flower: {url}/batches\n{login.sentence}", err=True)
            if as_json and _listens(process, address, port):
                click.echo(json.dumps({"address": url, "pid": process.pid}))
            _wait(process, opened)
        except KeyboardInterrupt:
            interrupts.only_count()
            process.terminate()
            if not interrupts.ends_in_order(process, within_s=STOP_WITHIN_S):
                process.kill()
                process.wait()
            interrupts.raise_again()
            return ExitCode.DONE
        # Its own words stand above; it ends by itself only when it could not go on.
        return ExitCode.STOPPED


def _start(opened: Session, options: list[str], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "workers",
        "--quiet",
        "flower",
        f"--conf={_configuration()}",
        # Lines are written as the settings say, not as Tornado would.
        "--logging=none",
    ]
    return subprocess.Popen(
        [*command, *options],
        env=environment_of(opened.settings, credentials=False) | dict(variables),
        stdout=STANDARD_ERROR,
    )


def _configuration() -> Path:
    """Find what Flower reads as its configuration; this layer imports nothing of the workers'."""
    found = importlib.util.find_spec("workers.flower")
    if found is None or not found.origin:
        raise SettingsInvalid("The pages for Flower are not installed.")
    return Path(found.origin).with_name("flowerconfig.py")


def _wait(process: subprocess.Popen[bytes], opened: Session) -> None:
    """Wait for its end; meanwhile an embedded server that fell is started again."""
    while process.poll() is None:
        try:
            process.wait(REVIVE_INTERVAL_S if opened.is_embedded else None)
        except subprocess.TimeoutExpired:
            opened.keep_up()


def _persistence(folder: Path) -> list[str]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return ["--persistent", f"--db={folder / 'tasks'}", f"--state-save-interval={1000 * SAVE_INTERVAL_S}"]


def _scheme() -> str:
    return "https" if os.environ.get("FLOWER_CERTFILE") else "http"


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _listens(process: subprocess.Popen[bytes], address: str, port: int) -> bool:
    """Wait until it takes connections; False when it ended before."""
    while process.poll() is None:
        try:
            with closing(socket.create_connection((address, port), timeout=LOOK_INTERVAL_S)):
                return True
        except OSError:
            time.sleep(LOOK_INTERVAL_S)
    return False


def _refuse_openness(address: str, *, no_password: bool) -> None:
    if no_password and not _is_loopback(address):
        raise SettingsInvalid(
            f"Without a password Flower listens on this machine only, not on {address}: whoever reaches it "
            "would see every recording. Leave --no-password out."
        )


def _is_loopback(address: str) -> bool:
    try:
        return address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _refuse_taken(address: str, port: int) -> None:
    from tornado.netutil import bind_sockets

    try:
        for each in bind_sockets(port, address):
            each.close()
    except OSError as error:
        raise SettingsInvalid(
            f"Flower cannot listen on {address} port {port}: {error.strerror}. Choose another with --port."
        ) from error
