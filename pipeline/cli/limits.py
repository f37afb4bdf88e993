"""`gong-ingest limits`: see the API's limits as every worker follows them, and change them while they run."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import click

from pipeline.cli.session import Session, session
from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.limiter import InForce


@click.command()
@click.option("--requests-per-second", type=float, help="The API's limit for the company.")
@click.option("--requests-per-day", type=int, help="The API's limit, or a lower budget of one's own.")
@click.option("--rate-margin", type=float, help="Share of the allowed rate that is left unused.")
@click.option("--burst", type=int, help="Requests that may leave at once after a pause.")
@click.option("--live-share", type=float, help="Share of the day's budget kept for the live lane.")
@click.option("--reset", is_flag=True, help="Go back to the settings of each worker.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def limits(reset: bool, as_json: bool, **changes: float | None) -> None:
    """Show the limits that every worker follows, or change them while they run.

    A change holds for the whole fleet from its next request on, over the settings, until --reset.

    \b
    Example:
      gong-ingest limits --requests-per-second 10 --requests-per-day 50000
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if reset and given:
        raise SettingsInvalid("--reset takes every change back; give it alone.")
    from pipeline.documents import LIMIT_FIELDS

    settings = Settings.from_env()
    # The bounds are those of the settings.
    dataclasses.replace(settings, **given)  # type: ignore[arg-type]
    with session(settings) as opened:
        if reset:
            opened.limiter.set_limits(dict.fromkeys(LIMIT_FIELDS))
        elif given:
            opened.limiter.set_limits(given)
        _show(opened, as_json=as_json)


def _show(opened: Session, *, as_json: bool) -> None:
    from pipeline.cli.sentences import day_sentence
    from pipeline.documents import limit_values, limits_document

    overview = opened.observer.look(whole=False)
    now = overview.limits
    if as_json:
        click.echo(json.dumps(limits_document(now, overview.day.used)))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("limit", "in force", "from"):
        table.add_column(title)
    for name, value in limit_values(now.limits).items():
        table.add_row(name, f"{value:,}", "limits" if name in now.changed else "settings")
    table.add_row("day_window", now.limits.day_window, "settings")
    console.print(table)
    console.print(f"{now.pace:.3g} requests a second, {day_sentence(overview)}")
    for sentence in _sentences(now):
        console.print(sentence, style="yellow")


def _sentences(now: InForce) -> list[str]:
    """Say what is not as the limits say."""
    found = []
    if now.margin > now.limits.margin + 0.0005:
        found.append(f"the margin is {now.margin:.1%} after a 429, and shrinks again")
    if now.requests_per_day < now.limits.requests_per_day:
        found.append("the API said that the day is spent before this pipeline had used it: others use it too")
    if now.missed:
        found.append(f"{now.missed:,} slots were given up because the request would have left late")
    if now.late:
        found.append(f"{now.late:,} requests left late: the machine was busy, or a connection was gone")
    return found
