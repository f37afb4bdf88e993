"""`gong-ingest status`: how batches are doing."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from pipeline.cli.session import Session, session
from pipeline.errors import SettingsInvalid
from pipeline.job import Counts
from pipeline.limiter import Gate
from pipeline.settings import Settings

COLUMNS = ("total", "pending", "active", "done", "dead", "adopted", "requests", "rate_limited")


@click.command()
@click.argument("batch", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def status(batch: str | None, as_json: bool) -> None:
    """Show how BATCH, or every batch, is doing.

    \b
    Example:
      gong-ingest status calls --json
    """
    with session(Settings.from_env()) as opened:
        found = _found(opened, batch)
        if as_json:
            click.echo(json.dumps(_document(opened, found)))
        else:
            _print(opened, found)


def _found(opened: Session, batch: str | None) -> list[Counts]:
    if batch is None:
        return opened.ledger.batches()
    counts = opened.ledger.counts(batch)
    if not counts.created_at:
        names = ", ".join(each.batch for each in opened.ledger.batches()) or "none"
        raise SettingsInvalid(f"There is no batch {batch!r}; there are: {names}.")
    return [counts]


def _document(opened: Session, found: list[Counts]) -> dict[str, Any]:
    fleet, gate = opened.ledger.fleet(), opened.limiter.gate()
    return {
        "batches": [
            {"batch": each.batch} | {name: getattr(each, name) for name in COLUMNS} for each in found
        ],
        "workers": fleet.workers,
        "requests_today": opened.limiter.use().today,
        "requests_per_day": opened.limiter.limits.requests_per_day,
        "gate": dataclasses.asdict(gate) if gate else None,
    }


def _print(opened: Session, found: list[Counts]) -> None:
    console = Console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("batch")
    for name in COLUMNS:
        table.add_column("429s" if name == "rate_limited" else name, justify="right")
    for each in found:
        table.add_row(each.batch, *(f"{getattr(each, name):,}" for name in COLUMNS))
    if found:
        console.print(table)
    else:
        console.print("No batch yet. Hand one in with: gong-ingest backfill MANIFEST")
    today, limits = opened.limiter.use().today, opened.limiter.limits
    console.print(f"{today:,} of {limits.requests_per_day:,} requests in the last 24 h", highlight=False)
    console.print(f"{opened.ledger.fleet().workers} workers alive", highlight=False)
    if gate := opened.limiter.gate():
        console.print(gate_sentence(gate), style="yellow", highlight=False, markup=False)


def gate_sentence(gate: Gate) -> str:
    """Say why nothing is sent, since when and until when."""
    since, until = (datetime.fromtimestamp(each).astimezone() for each in (gate.since, gate.until))
    end = {
        "timed": f"until {until:%H:%M:%S}",
        "probe": f"next try at {until:%H:%M:%S}",
        "hand": "until it is opened by hand",
    }[gate.mode]
    return f"gate closed since {since:%H:%M:%S}, {end}: {gate.reason}: {gate.detail}"
