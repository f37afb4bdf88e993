"""`gong-ingest api`: the pipeline over HTTP, for other systems."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import TYPE_CHECKING

import click

from pipeline import interrupts
from pipeline.cli import ExitCode
from pipeline.cli.choices import as_typed
from pipeline.cli.session import Session, session
from pipeline.errors import LedgerUnreachable, SettingsInvalid
from pipeline.settings import Settings, environment_of

if TYPE_CHECKING:
    from pipeline.api.uploads import Uploads

STANDARD_ERROR = 2
BACKLOG = 1024
READY_WITHIN_S = 30.0
LOOK_INTERVAL_S, SWEEP_INTERVAL_S = 2.0, 60.0
# Beyond the server's own grace.
STOP_WITHIN_S = 30.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8090,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port to listen on; 0 for a free one.",
)
@click.option(
    "--processes", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes of the server."
)
@click.option(
    "--threads",
    default=16,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Requests that each serves at once.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output once it listens.")
def api(host: str, port: int, processes: int, threads: int, as_json: bool) -> int:
    """Let other systems hand recordings in over HTTP, until it is stopped with Ctrl-C or SIGTERM.

    Its page to read and try is /docs, its OpenAPI document /openapi.json. Beyond this machine it listens only
    with tokens (gong-ingest token create), and belongs behind a proxy that speaks TLS.

    \b
    Example:
      gong-ingest token create pbx --scope enqueue
      gong-ingest api --host 0.0.0.0 --port 8090
    """
    from pipeline.api.tokens import TokensFile
    from pipeline.api.uploads import Uploads

    settings = Settings.from_env()
    file = TokensFile.of(settings)
    file.read()
    has_file = file.path.exists()
    if not has_file and not _is_loopback(host):
        raise SettingsInvalid(
            f"Without tokens the API listens on this machine alone, and {host} is beyond it. "
            f"Make one first: {as_typed('token create NAME')}"
        )
    uploads = Uploads.of(settings)
    with session(settings) as opened, ExitStack() as stack:
        listener = stack.enter_context(_listener(host, port))
        address = _address(listener)
        arguments = [f"--processes={processes}", f"--threads={threads}", *["--tokens-required"] * has_file]
        server = _start(opened, listener, arguments)
        # From here on only the server has it, and who asks it learns when that has ended.
        listener.close()
        stack.callback(_end, server)
        return _serve(server, address, opened, uploads, as_json=as_json)


def _serve(
    server: subprocess.Popen[bytes],
    address: tuple[str, int],
    opened: Session,
    uploads: Uploads | None,
    *,
    as_json: bool,
) -> int:
    """Wait until the server ends, or is to be ended; look after the ledger and the uploads meanwhile."""
    try:
        if not _answers(address):
            return ExitCode.STOPPED
        url = f"http://{_in_url(address[0])}:{address[1]}"
        click.echo(f"API: {url}  (try it: {url}/docs/)", err=True)
        if as_json:
            click.echo(json.dumps({"address": url, "pid": server.pid}))
        swept_at = 0.0
        while server.poll() is None:
            if uploads and time.monotonic() - swept_at > SWEEP_INTERVAL_S:
                swept_at = time.monotonic()
                with suppress(LedgerUnreachable):
                    uploads.sweep(opened.ledger.states)
            with suppress(subprocess.TimeoutExpired):
                server.wait(LOOK_INTERVAL_S)
            opened.keep_up()
    except KeyboardInterrupt:
        interrupts.only_count()
        click.echo("Stopping: requests under way are answered first.", err=True)
        return ExitCode.DONE
    # Its own words stand above; it ends by itself only when it could not go on.
    return ExitCode.STOPPED


def _start(opened: Session, listener: socket.socket, arguments: list[str]) -> subprocess.Popen[bytes]:
    handle = listener.fileno()
    command = [sys.executable, "-m", "pipeline.api.server", f"--listener={handle}"]
    return subprocess.Popen(
        [*command, f"--command-pid={os.getpid()}", *arguments],
        env=environment_of(opened.settings, credentials=False),
        stdin=subprocess.DEVNULL,
        stdout=STANDARD_ERROR,
        # Ctrl-C is for the command, which stops the server in order.
        start_new_session=True,
        pass_fds=[handle, *opened.handed_on],
    )


def _end(server: subprocess.Popen[bytes]) -> None:
    """Let the server answer what is under way, and end; asked again, at once."""
    interrupts.only_count()
    server.terminate()
    if not interrupts.ends_in_order(server, within_s=STOP_WITHIN_S):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, 9)
        server.wait()
    interrupts.raise_again()


def _listener(host: str, port: int) -> socket.socket:
    try:
        (family, *_), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsInvalid(
            f"The API cannot listen on {host} port {port}: {error.strerror}. Choose others: --host, --port."
        ) from error


def _address(listener: socket.socket) -> tuple[str, int]:
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 - it is listened on already


def _answers(address: tuple[str, int]) -> bool:
    """Wait until the server answers; False when it ended before."""
    with closing(HTTPConnection(*address, timeout=READY_WITHIN_S)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
