"""The processes that listen: `python -m pipeline.api.server`, as `gong-ingest api` starts them.

Invariants: the socket is the command's own, so the address is taken before anything else begins, and its port
may be 0. SIGTERM lets every process finish what it has begun, for `GRACE_S` at most. When the command is
gone, however it ended, the server stops by itself.
A line of the log for each request: who asked, by the name of its token, for which path, and how it ended. No
header and no query stands in it, and nothing in it is obeyed by a terminal.
"""

from __future__ import annotations

import logging
import os
import signal
from datetime import timedelta
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from pipeline import tracing
from pipeline.api.app import make_app
from pipeline.api.connection import Worker
from pipeline.api.permission import HOLDER
from pipeline.api.tokens import Tokens, TokensFile
from pipeline.logs import set_up_service
from pipeline.settings import Settings

GRACE_S = 20
# A connection that is kept costs a descriptor; a producer sends again within a minute, or connects anew.
KEEP_ALIVE_S = 60
CONNECTIONS_MAX = 1000
# As long as gunicorn can be told to take: a clientUniqueId of 2048 characters, percent-encoded, is longer.
REQUEST_LINE_MAX_BYTES = 8190
# These are asked every few seconds by whatever watches, and say nothing.
QUIET_PATHS = ("/healthz", "/readyz")

log = logging.getLogger("pipeline.api")


class AccessLog(Logger):  # type: ignore[misc] # gunicorn has no types
    """What the server tells of itself, and of each request."""

    def setup(self, cfg: Any) -> None:
        """Write gunicorn's own words as all others, and only if they tell of trouble."""
        super().setup(cfg)
        self.error_log.propagate = True
        # Below that it shows paths as they are, with whatever a client has put into them.
        self.error_log.setLevel(logging.WARNING)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Tell of a request."""
        del req
        path = environ.get("RAW_URI", "").partition("?")[0]
        level = logging.DEBUG if path in QUIET_PATHS else logging.INFO
        if log.isEnabledFor(level):
            log.log(level, "%s", line_of(path, resp, environ, request_time))


def line_of(path: str, response: Any, environ: dict[str, Any], took: timedelta) -> str:
    """Write the line of a request."""
    who = environ.get(HOLDER, "-")
    asked = f"{environ.get('REQUEST_METHOD', '-')} {path}"
    told = (
        f"{str(response.status).split(' ', 1)[0]} {response.sent} bytes {took.total_seconds() * 1000:.1f} ms"
    )
    return f"{environ.get('REMOTE_ADDR', '-')} {_plain(who)!r} {_plain(asked)} {told}"


def _plain(text: str) -> str:
    """Show what is no plain ASCII as an escape."""
    return text.encode("unicode_escape").decode()


class Parent(Arbiter):  # type: ignore[misc] # gunicorn has no types
    """Watches over the processes, and for the command that started it."""

    command_pid = 0

    def murder_workers(self) -> None:
        """Look after the processes, as gunicorn does every second; stop when the command is gone."""
        if os.getppid() != self.command_pid:
            self.command_pid = os.getppid()
            log.warning("The command that started this server is gone; the server stops.")
            os.kill(os.getpid(), signal.SIGTERM)
        super().murder_workers()


class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """The application with the settings of its server."""

    def __init__(self, settings: Settings, options: dict[str, Any], *, tokens_required: bool) -> None:
        self._settings = settings
        self._options = options
        self._tokens = Tokens(TokensFile.of(settings), required=tokens_required)
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from gunicorn's defaults."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the application: once, before the processes part."""
        return make_app(self._settings, self._tokens, threads=self._options["threads"])

    def run(self) -> None:
        """Serve until told to stop."""
        Parent(self).run()


def options_of(*, listener: int, processes: int, threads: int) -> dict[str, Any]:
    """Give the settings of gunicorn."""
    return {
        "bind": f"fd://{listener}",
        "workers": processes,
        "threads": threads,
        "worker_class": f"{Worker.__module__}.{Worker.__name__}",
        "worker_connections": CONNECTIONS_MAX,
        "keepalive": KEEP_ALIVE_S,
        "graceful_timeout": GRACE_S,
        "limit_request_line": REQUEST_LINE_MAX_BYTES,
        "preload_app": True,
        "logger_class": AccessLog,
        "errorlog": None,
        # Whoever is asked by a proxy believes its headers; here nobody needs to know of one.
        "forwarded_allow_ips": "",
        "control_socket_disable": True,
        "proc_name": "gong-ingest-api",
        "worker_exit": end_traces,
    }


def end_traces(_server: object, _worker: object) -> None:
    """Send what a process that ends still has of its traces."""
    tracing.end()


@click.command()
@click.option("--listener", type=int, required=True)
@click.option("--processes", type=int, required=True)
@click.option("--threads", type=int, required=True)
@click.option("--command-pid", type=int, required=True)
@click.option("--tokens-required", is_flag=True)
def main(*, listener: int, processes: int, threads: int, command_pid: int, tokens_required: bool) -> None:
    """Serve the API on a socket that was inherited, until SIGTERM."""
    settings = Settings.from_env()
    set_up_service(settings)
    options = options_of(listener=listener, processes=processes, threads=threads)
    Parent.command_pid = command_pid
    Server(settings, options, tokens_required=tokens_required).run()


if __name__ == "__main__":
    main()
