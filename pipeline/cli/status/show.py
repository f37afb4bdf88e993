"""What `gong-ingest status` does. A program waits for nothing that only a person needs."""

from __future__ import annotations

import json

import click

from pipeline.cli.batches import known_batch
from pipeline.cli.session import Session, session
from pipeline.documents import document
from pipeline.overview import Overview
from pipeline.settings import Settings


def show(batch: str | None, *, watch: bool, as_json: bool) -> None:
    """Show how a batch, or every batch, is doing, once or until nobody wants to see more.

    Raises:
        SettingsInvalid: There is no such batch.
    """
    with session(Settings.from_env()) as opened:
        if batch is not None:
            known_batch(opened, batch)
        if watch:
            _watch(opened, batch, as_json=as_json)
        elif as_json:
            click.echo(json.dumps(document(opened.observer.look(reasons=True), batch)))
        else:
            _print(opened.observer.look(), batch)


def _watch(opened: Session, batch: str | None, *, as_json: bool) -> None:
    from rich.console import Console

    from pipeline.cli.watch import watch_status
    from pipeline.cli.watch.view import DocumentView, LiveView, view_on

    view = DocumentView(lambda seen: document(seen, batch)) if as_json else view_on(Console(), whole=True)
    last = watch_status(opened, batch, view, reasons=as_json).overview
    # What was painted is gone with its screen; elsewhere it stands there already.
    if last and isinstance(view, LiveView):
        _print(last, batch)


def _print(overview: Overview, batch: str | None) -> None:
    from rich.console import Console

    from pipeline.cli.status.table import print_table

    print_table(Console(), overview, batch)
