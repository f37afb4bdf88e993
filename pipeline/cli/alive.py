"""`gong-ingest alive`: whether the workers of this machine or container do their part; for health checks.

A worker tells the fleet every two seconds that it is there, as long as its own loop turns; what it told is
asked for here. Telling is a write, and asking only reads: whoever would restart a silent worker has it tried
first whether one could tell (`--workers-only`). It imports only what that needs, because it is run again and
again.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pipeline.cli import ExitCode
from pipeline.errors import LedgerRefused, LedgerUnreachable, SettingsInvalid, WorkersFailed
from pipeline.fleet import QUEUES
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.ledger import Member
    from pipeline.store import Store

# Of one answer: a server that is stuck must be given up before a probe is, which has 10 s and more.
ANSWER_WITHIN_S = 3.0

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
    help="Exit code 0, too, while no worker could tell that it is alive: a restart mends nothing then.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def alive(queues: tuple[str, ...], workers_only: bool, as_json: bool) -> int:
    """Tell by the exit code whether workers of this machine are alive; for health checks.

    They are if the fleet heard from them within the last ten seconds, which a worker that hangs does not
    achieve. Nor does any while the ledger's server is away, full or read-only, or refuses them; with
    --workers-only that is forgiven, and the user in GONG_INGEST_REDIS_URL must be that of the workers.

    \b
    Example, as the liveness probe of a container:
      gong-ingest alive --queue media --workers-only
    """
    settings = Settings.from_env()
    try:
        members = _members_here(settings, queues, could_tell=workers_only)
    except (LedgerUnreachable, LedgerRefused, SettingsInvalid) as hindrance:
        if not workers_only:
            raise
        _tell(None, str(hindrance), as_json=as_json)
        return ExitCode.DONE
    missing = _missing(members, queues)
    if missing or not members:
        for_queues = f" for {' and '.join(missing)}" if missing else ""
        raise WorkersFailed(f"No worker{for_queues} on {socket.gethostname()} is alive.")
    _tell(members, f"Alive: {', '.join(member.name for member in members)}", as_json=as_json)
    return ExitCode.DONE


def _members_here(settings: Settings, queues: Sequence[str], *, could_tell: bool) -> list[Member]:
    """List the workers of this machine that are alive; starts no server.

    Args:
        settings: Name the server.
        queues: For which there should be one.
        could_tell: Make sure, if one is missing, that it could have told.

    Raises:
        LedgerUnreachable: The server does not answer; or no worker can tell now, for any of these reasons.
        LedgerRefused: It refuses to be asked.
        SettingsInvalid: The server cannot be used so.
    """
    from pipeline.members import members_of, try_to_join

    machine = socket.gethostname()
    with _opened(settings) as store:
        if store is None:
            return []
        members = [member for member in members_of(store) if member.machine == machine]
        if could_tell and (not members or _missing(members, queues)):
            try_to_join(store, machine)
        return members


@contextmanager
def _opened(settings: Settings) -> Iterator[Store | None]:
    """Connect to the configured server, or to this machine's own; None where none was started."""
    from pipeline.store import Store

    url = settings.redis_url
    if url is None:
        from pipeline.embedded import address_of_running

        if (url := address_of_running(settings.data_dir)) is None:
            yield None
            return
    named = replace(settings, redis_url=url)
    with closing(Store.from_settings(named, retries=0, answer_within_s=ANSWER_WITHIN_S)) as store:
        yield store


def _missing(members: Sequence[Member], queues: Sequence[str]) -> list[str]:
    """List the queues for which there is no worker."""
    return [queue for queue in queues if not any(member.processes(queue) for member in members)]


def _tell(members: list[Member] | None, sentence: str, *, as_json: bool) -> None:
    if as_json:
        workers = None if members is None else [_document_of(member) for member in members]
        click.echo(json.dumps({"machine": socket.gethostname(), "workers": workers}))
    click.echo(sentence, err=True)


def _document_of(member: Member) -> dict[str, object]:
    return {"name": member.name, "calls": member.calls, "media": member.media}
