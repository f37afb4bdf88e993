"""`gong-ingest flower`: Flower on the tasks of the fleet."""

from __future__ import annotations

import subprocess
import sys

import click
from tornado.netutil import bind_sockets

from pipeline.cli import ExitCode
from pipeline.cli.session import session
from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings, environment_with

# 100,000 tasks took 512 MB; this many take about 100.
MAX_TASKS = 20_000


@click.command()
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5555, show_default=True, help="Port to listen on.")
def flower(address: str, port: int) -> int:
    """Watch workers and tasks in a browser, also those of a running backfill.

    \b
    Example:
      gong-ingest flower --port 5555
    """
    _refuse_taken(address, port)
    with session(Settings.from_env()) as opened:
        command = [sys.executable, "-m", "celery", "-A", "workers", "--quiet", "flower"]
        options = [f"--address={address}", f"--port={port}", f"--max-tasks={MAX_TASKS}"]
        process = subprocess.Popen(
            [*command, *options], env=environment_with(redis_url=opened.settings.redis_url)
        )
        click.echo(f"Flower: http://{address}:{port}/tasks", err=True)
        try:
            process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            return ExitCode.DONE
        # Its own words stand above; it ends by itself only when it could not go on.
        return ExitCode.STOPPED


def _refuse_taken(address: str, port: int) -> None:
    try:
        for each in bind_sockets(port, address):
            each.close()
    except OSError as error:
        raise SettingsInvalid(
            f"Flower cannot listen on {address} port {port}: {error.strerror}. Choose another with --port."
        ) from error
