"""How batches are doing, as a person is told."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.sentences import (
    day_sentence,
    outlook,
    rate_sentence,
    upload_lines,
    webhook_sentence,
)
from pipeline.documents import chosen
from pipeline.overview import Overview
from pipeline.printable import printable

COLUMNS = ("total", "pending", "active", "done", "dead", "adopted", "requests", "rate_limited")


def print_table(console: Console, overview: Overview, batch: str | None) -> None:
    """Show that batch or all of them, what they share, and when each ends."""
    shown = chosen(overview, batch)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("batch")
    for name in COLUMNS:
        table.add_column("429s" if name == "rate_limited" else name, justify="right")
    for each in shown:
        table.add_row(Text(printable(each.batch)), *(f"{getattr(each, name):,}" for name in COLUMNS))
    if shown:
        console.print(table)
    else:
        console.print("No batch yet. Hand one in with: gong-ingest backfill MANIFEST")
    for each in shown:
        if each.waiting:
            told = ", ".join(outlook(each, overview))
            console.print(f"{printable(each.batch)}: {told}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{day_sentence(overview)}, {rate_sentence(overview)}", highlight=False)
    console.print(f"{overview.fleet.workers} workers alive", highlight=False)
    for line in upload_lines(overview):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    _print_warnings(console, overview)


def _print_warnings(console: Console, overview: Overview) -> None:
    for sentence in (webhook_sentence(overview), overview.gate.sentence if overview.gate else ""):
        if sentence:
            console.print(printable(sentence), style="yellow", highlight=False, markup=False, soft_wrap=True)
