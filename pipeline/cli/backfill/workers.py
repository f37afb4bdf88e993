"""The workers of a run that has its own server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from rich.console import Console

from pipeline.cli.backfill.tally import say
from pipeline.cli.scraped import scraped
from pipeline.cli.session import Session
from pipeline.cli.worker import local_fleet
from pipeline.errors import SettingsInvalid
from pipeline.fleet import LocalFleet
from pipeline.settings import Settings


@contextmanager
def own_workers(
    opened: Session, console: Console, *, wanted: bool
) -> Iterator[Callable[[], LocalFleet | None]]:
    """Give what starts a run's own workers when there is something to do, and stop them at the end.

    What is given starts nothing and gives None where no workers are wanted.
    """
    # What was handed in without a root, by others, has those of the settings and not this run's.
    others = replace(opened.settings, media_roots=Settings.from_env().media_roots)
    fleet = local_fleet(replace(opened, settings=others), own_log=True)
    metrics = ExitStack()

    def start() -> LocalFleet | None:
        if not wanted:
            return None
        if not fleet.is_running:
            opened.limiter.probe_now()
            fleet.start()
            try:
                metrics.enter_context(scraped(opened.settings))
            except SettingsInvalid as problem:
                # Another run on this machine tells the same.
                say(console, f"{problem} This run goes on without.", style="yellow")
        return fleet

    try:
        yield start
    finally:
        fleet.stop()
        metrics.close()
