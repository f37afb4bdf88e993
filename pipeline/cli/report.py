"""`gong-ingest report`: what became of every row of a batch's manifests."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import click

from pipeline.cli.batches import known_batch
from pipeline.cli.session import session
from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings

STANDARD_OUTPUT = Path("-")
# A line of progress is renewed after so many rows.
TOLD_ROWS = 1000


@click.command()
@click.argument("batch")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl"]),
    default="csv",
    show_default=True,
    help="A table for spreadsheets, or a line of JSON for each row.",
)
@click.option("--json", "form", flag_value="jsonl", help="Short for --format jsonl.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    default=STANDARD_OUTPUT,
    help="File to write; standard output when left out.",
)
def report(batch: str, form: str, output: Path) -> None:
    """Tell what became of each row of BATCH: one row for each row of its manifests, rejected ones too.

    In a table a cell that a spreadsheet would make a formula, or a number with fewer digits, begins with an
    apostrophe. Lines of JSON say everything as it is.

    \b
    Example:
      gong-ingest report calls --output calls.report.csv
    """
    from pipeline.ledger import Manifests
    from pipeline.report import lines_of_json, lines_of_table

    with session(Settings.from_env()) as opened:
        known_batch(opened, batch)
        lines = (lines_of_json if form == "jsonl" else lines_of_table)(Manifests(opened.store).records(batch))
        if output == STANDARD_OUTPUT:
            _write_out(lines)
        else:
            _write_file(output, _told(lines))


def _write_out(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.buffer.write(line.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def _write_file(path: Path, lines: Iterable[str]) -> None:
    """Write a file whole or not at all: it comes into its place when it is complete."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be written: {error.strerror}.") from error
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.writelines(lines)
        beside.replace(path)
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def _told(lines: Iterable[str]) -> Iterator[str]:
    """Pass lines on, and say on a terminal how many there were."""
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("Writing the report …") as status:
        for count, line in enumerate(lines):
            if count % TOLD_ROWS == 0:
                status.update(f"Writing the report … {count:,} rows")
            yield line
