"""`gong-ingest worker`: workers on this machine, until they are stopped."""

from __future__ import annotations

import functools
import json
import os
import time

import click

from pipeline import interrupts
from pipeline.cli.scraped import scraped
from pipeline.cli.session import Session, session
from pipeline.fleet import QUEUES, LocalFleet, Surroundings
from pipeline.settings import Settings, environment_of

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
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on standard output once they are started."
)
def worker(queues: tuple[str, ...], concurrency: int | None, as_json: bool) -> None:
    """Run workers until they are stopped with Ctrl-C or SIGTERM.

    With GONG_INGEST_METRICS_PORT they tell Prometheus how the whole fleet is doing (docs/metrics.md).

    \b
    Example, on a machine that only uploads:
      GONG_INGEST_REDIS_URL=redis://redis:6379/0 gong-ingest worker --queue media --concurrency 16
    """
    settings = Settings.from_env(**({"concurrency": concurrency} if concurrency else {}))
    settings.require_credentials()
    require_webhook(settings)
    with session(settings) as opened, scraped(opened.settings) as metrics:
        fleet = local_fleet(opened, queues=queues or QUEUES, own_log=False)
        opened.limiter.probe_now()
        fleet.start()
        if as_json:
            click.echo(json.dumps(_document(opened, fleet) | {"metrics": metrics}))
        try:
            while True:
                time.sleep(LOOK_INTERVAL_S)
                opened.keep_up()
                fleet.restart_fallen()
        except KeyboardInterrupt:
            interrupts.only_count()
            click.echo("Stopping: what is being worked on is finished first.", err=True)
        finally:
            fleet.stop()


def _document(opened: Session, fleet: LocalFleet) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "server": opened.store.address,
        "namespace": opened.settings.namespace,
        "concurrency": opened.settings.concurrency,
        "workers": fleet.pids,
    }


def require_webhook(settings: Settings) -> None:
    """Check that workers can sign what a webhook is told, if there is one.

    Raises:
        SettingsInvalid: They lack the secret.
    """
    if settings.webhook_url:
        settings.webhook_key()


def local_fleet(opened: Session, *, queues: tuple[str, ...] = QUEUES, own_log: bool) -> LocalFleet:
    """Make the workers of this machine for an open server."""
    settings = opened.settings
    return LocalFleet(
        concurrency=settings.concurrency,
        stop_grace_s=settings.stop_grace_s,
        surroundings=Surroundings(
            functools.partial(environment_of, settings, credentials=True),
            log_folder=settings.data_dir / "logs" if own_log else None,
            handed_on=opened.handed_on,
        ),
        queues=queues,
    )
