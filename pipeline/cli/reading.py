"""How a manifest is to be read: the options that `backfill`, `check` and `map` have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.manifest import Form, Reading

Command = Callable[..., Any]


def _separator(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    from pipeline.manifest.table import separator_of

    try:
        return None if given is None else separator_of(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def reading_options(command: Command) -> Command:
    """Add the options `--format`, `--map`, `--encoding` and `--delimiter`."""
    for option in reversed(
        (
            click.option(
                "--format", "form", type=click.Choice(["jsonl", "csv"]), help="Form of the manifest."
            ),
            click.option(
                "--map",
                "map_path",
                type=click.Path(path_type=Path),
                help="TOML file that maps another system's columns; see docs/mapping.md.",
            ),
            click.option("--encoding", help="Of a manifest without a byte order mark.  [default: utf-8]"),
            click.option(
                "--delimiter", callback=_separator, help="Between the cells of a CSV: one character, or tab."
            ),
        )
    ):
        command = option(command)
    return command


def media_option(command: Command) -> Command:
    """Add the option `--media-mode`."""
    return click.option(
        "--media-mode",
        type=click.Choice(["upload", "link"]),
        default="upload",
        show_default=True,
        help="link: Gong pulls what lies in an object store through a signed address, which takes one "
        "request instead of two; other media is uploaded.",
    )(command)


def reading_of(
    form: Form | None, map_path: Path | None, encoding: str | None, delimiter: str | None
) -> Reading:
    """Return what the options say.

    Raises:
        ManifestUnreadable: There is no such map, or it cannot be read.
    """
    from pipeline.manifest import Reading, read_map

    return Reading(form, encoding, delimiter, read_map(map_path) if map_path else None)


def left_out(reading: Reading) -> str | None:
    """Return the sentence about the rows that the map has left out, if any."""
    column_map = reading.column_map
    if column_map is None or not column_map.left_out:
        return None
    rows = "1 row was" if column_map.left_out == 1 else f"{column_map.left_out:,} rows were"
    return f"{rows} left out, as [rows] of {column_map.name} says."
