"""What a worker makes sure of before it takes a single message, however it was started."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import click
from celery import bootsteps

from pipeline.cli import EXIT_CODES
from pipeline.errors import LedgerRefused, LedgerUnreachable, SettingsInvalid
from pipeline.settings import Settings
from pipeline.store import Store

if TYPE_CHECKING:
    from celery.apps.worker import Worker


class CheckServer(bootsteps.Step):
    """Ends the worker with a sentence at a server that would lose jobs, or lets nobody in.

    A server that is away is waited for, as the broker is.
    """

    def __init__(self, parent: Worker, **options: Any) -> None:
        super().__init__(parent, **options)
        try:
            check_server(Settings.from_env())
        except (SettingsInvalid, LedgerRefused) as error:
            click.echo(f"celery worker: {error}", err=True)
            raise SystemExit(int(EXIT_CODES[type(error)])) from error


def check_server(settings: Settings) -> None:
    """Ask the server once whether it can be used.

    Raises:
        SettingsInvalid: It would drop keys.
        LedgerRefused: It refuses to be asked.
    """
    with closing(Store.from_settings(settings, retries=0)) as store:
        try:
            store.check_server()
        except LedgerUnreachable:
            return
