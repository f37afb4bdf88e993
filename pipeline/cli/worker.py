"""`gong-ingest worker`: workers on this machine, until they are stopped."""

from __future__ import annotations

import time

import click

from pipeline.cli.session import Session, session
from pipeline.fleet import QUEUES, LocalFleet, Surroundings
from pipeline.settings import Settings, environment_with

LOOK_INTERVAL_S = 1.0


@click.command()
@click.option(
    "--queue",
    "queues",
    multiple=True,
    type=click.Choice(QUEUES),
    help="Work on this queue only; may be given again. All of them when left out.",
)
@click.option("--concurrency", type=click.IntRange(1, 256), help="Processes for each queue.")
def worker(queues: tuple[str, ...], concurrency: int | None) -> None:
    """Run workers until they are stopped with Ctrl-C or SIGTERM.

    \b
    Example, on a machine that only uploads:
      GONG_INGEST_REDIS_URL=redis://redis:6379/0 gong-ingest worker --queue media --concurrency 16
    """
    settings = Settings.from_env(**({"concurrency": concurrency} if concurrency else {}))
    settings.require_credentials()
    with session(settings) as opened:
        fleet = local_fleet(opened, queues=queues or QUEUES, own_log=False)
        opened.limiter.probe_now()
        fleet.start()
        try:
            while True:
                time.sleep(LOOK_INTERVAL_S)
                fleet.restart_fallen()
        except KeyboardInterrupt:
            click.echo("Stopping: what is being worked on is finished first.", err=True)
        finally:
            fleet.stop()


def local_fleet(opened: Session, *, queues: tuple[str, ...] = QUEUES, own_log: bool) -> LocalFleet:
    """Make the workers of this machine for an open server."""
    settings = opened.settings
    return LocalFleet(
        concurrency=settings.concurrency,
        stop_grace_s=settings.stop_grace_s,
        surroundings=Surroundings(
            environment_with(redis_url=settings.redis_url, media_roots=settings.media_roots),
            log_folder=settings.data_dir / "logs" if own_log else None,
            handed_on=opened.handed_on,
        ),
        queues=queues,
    )
