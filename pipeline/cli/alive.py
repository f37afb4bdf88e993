"""`gong-ingest alive`: whether the workers of this machine or container do their part; for health checks.

A worker tells the fleet every two seconds that it is there, as long as its own loop turns; what it told is
asked for here. It imports only what that needs, because it is run again and again.
"""

from __future__ import annotations

import json
import socket
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pipeline.cli import ExitCode
from pipeline.errors import LedgerUnreachable, WorkersFailed
from pipeline.fleet import QUEUES
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.ledger import Member


EXIT_CODES_HERE = """\b
Exit codes:
  0  they are
  2  wrong usage or settings
  4  they are not
  6  the server of the ledger is out of reach
  7  the server of the ledger refuses what it is asked to do
"""


@click.command(epilog=EXIT_CODES_HERE)
@click.option(
    "--queue",
    "queues",
    multiple=True,
    type=click.Choice(QUEUES),
    help="There must be a worker for this queue; may be given again. For any of them when left out.",
)
@click.option(
    "--workers-only",
    is_flag=True,
    help="Exit code 0 while the ledger's server is out of reach, too: no worker need be restarted for that.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def alive(queues: tuple[str, ...], workers_only: bool, as_json: bool) -> int:
    """Tell by the exit code whether workers of this machine are alive; for health checks.

    They are if the fleet heard from them within the last ten seconds, which a worker that hangs does not
    achieve.

    \b
    Example, as the liveness probe of a container:
      gong-ingest alive --queue media --workers-only
    """
    try:
        members = _members_here(Settings.from_env())
    except LedgerUnreachable as unreachable:
        if not workers_only:
            raise
        _tell(None, str(unreachable), as_json=as_json)
        return ExitCode.DONE
    missing = [queue for queue in queues if not any(member.processes(queue) for member in members)]
    if missing or not members:
        for_queues = f" for {' and '.join(missing)}" if missing else ""
        raise WorkersFailed(f"No worker{for_queues} on {socket.gethostname()} is alive.")
    _tell(members, f"Alive: {', '.join(member.name for member in members)}", as_json=as_json)
    return ExitCode.DONE


def _members_here(settings: Settings) -> list[Member]:
    """List the workers of this machine that are alive; starts no server.

    Raises:
        LedgerUnreachable: The server does not answer.
        LedgerRefused: It refuses to be asked.
    """
    from pipeline.members import members_of
    from pipeline.store import Store

    url = settings.redis_url
    if url is None:
        from pipeline.embedded import address_of_running

        if (url := address_of_running(settings.data_dir)) is None:
            return []
    with closing(Store.from_settings(replace(settings, redis_url=url), retries=0)) as store:
        return [member for member in members_of(store) if member.machine == socket.gethostname()]


def _tell(members: list[Member] | None, sentence: str, *, as_json: bool) -> None:
    if as_json:
        workers = None if members is None else [_document_of(member) for member in members]
        click.echo(json.dumps({"machine": socket.gethostname(), "workers": workers}))
    click.echo(sentence, err=True)


def _document_of(member: Member) -> dict[str, object]:
    return {"name": member.name, "calls": member.calls, "media": member.media}
