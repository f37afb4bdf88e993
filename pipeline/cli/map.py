"""`gong-ingest map`: a first map of another system's export, and what a map makes of it.

Sends nothing and needs no settings: it reads a file and writes to standard output.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from pipeline.cli import ExitCode
from pipeline.cli.reading import left_out, reading_of, reading_options

if TYPE_CHECKING:
    from pipeline.manifest import Form, Reading, Row


@click.command()
@click.argument("export", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--init", is_flag=True, help="Write a first map, by the header and the first rows.")
@click.option("--output", type=click.Path(path_type=Path), help="File to write to; it must not exist yet.")
@click.option("--rows", type=click.IntRange(min=1), help="Only so many rows of EXPORT.")
@reading_options
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on standard output at the end; needs --output."
)
def map(  # noqa: A001 - a command is found by its name, and nothing here needs the builtin
    export: Path,
    init: bool,
    output: Path | None,
    rows: int | None,
    form: Form | None,
    map_path: Path | None,
    encoding: str | None,
    delimiter: str | None,
    as_json: bool,
) -> int:
    """Map the columns of EXPORT, a table or JSON lines of another system; `-` reads standard input.

    With --init it writes a first map, with what it guessed and what it could not. With --map it writes what
    the map makes of each row: a manifest of JSON lines, as backfill would read it. Neither sends anything.

    \b
    Example:
      gong-ingest map --init export.csv --output map.toml
      gong-ingest map export.csv --map map.toml --rows 3
      gong-ingest backfill export.csv --map map.toml --media-root ./recordings
    """
    if init == (map_path is not None):
        raise click.UsageError("Give --init for a first map, or --map with a map to use.")
    if as_json and output is None:
        raise click.UsageError("With --json, name a file for the rest with --output.")
    document: dict[str, str | int] = {"output": str(output)}
    if init:
        _write_first_map(export, output, encoding, delimiter)
        code = ExitCode.DONE
    else:
        mapped, rejected = _map_rows(export, reading_of(form, map_path, encoding, delimiter), rows, output)
        document |= {"mapped": mapped, "rejected": rejected}
        code = ExitCode.SOME_FAILED if rejected else ExitCode.DONE
    if as_json:
        click.echo(json.dumps(document))
    return code


def _write_first_map(export: Path, output: Path | None, encoding: str | None, delimiter: str | None) -> None:
    from pipeline.manifest.mapping.guess import first_map

    text = first_map(export, encoding=encoding, delimiter=delimiter)
    with written_to(output) as file:
        file.write(text)


def _map_rows(export: Path, reading: Reading, most: int | None, output: Path | None) -> tuple[int, int]:
    """Write the rows of an export as a manifest, and tell those that are rejected; gives how many of each."""
    from pipeline.manifest import Row, read_manifest

    mapped = rejected = 0
    rows = read_manifest(export, reading=reading)
    with written_to(output) as file:
        for row in islice(rows, most):
            if isinstance(row, Row):
                file.write(_line_of(row))
                mapped += 1
            else:
                click.echo(f"{export}:{row.line}: {row.reason}", err=True)
                rejected += 1
    counted = f"{_rows(mapped)} mapped, {_rows(rejected)} rejected."
    click.echo(" ".join(filter(None, [counted, left_out(reading)])), err=True)
    return mapped, rejected


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _line_of(row: Row) -> str:
    from pipeline.call import encode_call

    media = f',"media":{json.dumps(row.media, ensure_ascii=False)}' if row.media is not None else ""
    return f'{{"call":{encode_call(row.call)}{media}}}\n'


@contextmanager
def written_to(output: Path | None) -> Iterator[IO[str]]:
    """Open a new file, or standard output where none is named; what a person may have edited stays.

    The file is there when it is complete, or not at all.
    """
    if output is None:
        yield sys.stdout
        return
    if os.path.lexists(output):
        raise _exists(output)
    beside = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    try:
        with _told_of(output), beside.open("x", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _put_in_place(beside, output)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _told_of(output: Path) -> Iterator[None]:
    """Tell what keeps a file from being written; that nobody reads what else is written is no such thing."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}.") from error


def _put_in_place(beside: Path, output: Path) -> None:
    """Give a complete file its name, unless another has come to have it meanwhile."""
    with _told_of(output):
        try:
            output.hardlink_to(beside)
        except FileExistsError as error:
            raise _exists(output) from error
        except OSError:  # not every file system has links
            try:
                output.open("x").close()
            except FileExistsError as error:
                raise _exists(output) from error
            beside.replace(output)


def _exists(output: Path) -> click.UsageError:
    return click.UsageError(f"{output} exists already; remove it, or name another file.")
