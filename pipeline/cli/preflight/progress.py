"""How far the preflight has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

from pipeline.manifest.opening import COMPRESSED_ENDINGS

LINE_INTERVAL_S = 10.0
Show = Callable[[int, int, int], None]
"""Takes the rows, the rejected ones among them, and the bytes that were read."""


@contextmanager
def reading_users(console: Console) -> Iterator[Callable[[int], None]]:
    """Show how many of Gong's users were read for as long as the block runs; it is told of so many more."""
    read, next_at = 0, time.monotonic() + LINE_INTERVAL_S
    sentence = "Reading Gong's list of users"
    with console.status(f"{sentence} …") if console.is_terminal else nullcontext() as status:

        def show(more: int) -> None:
            nonlocal read, next_at
            read += more
            if status:
                status.update(f"{sentence} … {read:,} users")
            elif time.monotonic() >= next_at:
                console.print(f"{sentence}: {read:,} users", highlight=False)
                next_at = time.monotonic() + LINE_INTERVAL_S

        yield show


@contextmanager
def progress(console: Console, manifest: Path) -> Iterator[Show]:
    """Show how far it has come for as long as the block runs."""
    yield from _on_terminal(console, manifest) if console.is_terminal else _in_lines(console)


def _on_terminal(console: Console, manifest: Path) -> Iterator[Show]:
    columns = (
        SpinnerColumn(),
        TextColumn("Checking {task.fields[rows]:,} rows, {task.fields[rejected]:,} rejected", markup=False),
        BarColumn(),
        TaskProgressColumn(),
    )
    total = _size_bytes(manifest)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, rows=0, rejected=0)

        def show(rows: int, rejected: int, bytes_read: int) -> None:
            bar.update(task, completed=min(bytes_read, total or 0), rows=rows, rejected=rejected)

        yield show


def _in_lines(console: Console) -> Iterator[Show]:
    next_at = time.monotonic() + LINE_INTERVAL_S

    def show(rows: int, rejected: int, _bytes_read: int) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            console.print(f"Checking: {rows:,} rows, {rejected:,} rejected", highlight=False)
            next_at = time.monotonic() + LINE_INTERVAL_S

    yield show


def _size_bytes(manifest: Path) -> int | None:
    """Return how much there is to read, where that is known."""
    if manifest.suffix.lower() in COMPRESSED_ENDINGS or not manifest.is_file():
        return None
    return manifest.stat().st_size
