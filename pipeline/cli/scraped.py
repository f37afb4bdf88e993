"""The address at which a command that runs workers tells the fleet's metrics, if a port was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from pipeline.settings import Settings


@contextmanager
def scraped(settings: Settings) -> Iterator[str | None]:
    """Tell the metrics for as long as the block runs; gives the address, None if nobody wants them.

    Raises:
        SettingsInvalid: Nobody can listen there.
    """
    if not settings.metrics_port:
        yield None
        return
    from pipeline.metrics import serving

    with serving(settings) as address:
        click.echo(f"Metrics: {address}", err=True)
        yield address
