"""Where a scene is shown: painted anew on a terminal, or written line by line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from math import ceil
from typing import Any, Protocol, Self

import click
from rich.console import Console, Group
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from pipeline.cli.watch.lines import plain_lines
from pipeline.cli.watch.scene import Scene
from pipeline.cli.watch.screen import screen
from pipeline.overview import Overview
from pipeline.printable import printable

LINE_INTERVAL_S = 10.0
DOCUMENT_INTERVAL_S = 5.0


class View(AbstractContextManager["View"], Protocol):
    """Shows scenes."""

    def show(self, scene: Scene) -> None:
        """Show how it is now."""


class LiveView:
    """Paints scenes on a terminal, each over the one before.

    Args:
        console: The terminal.
        whole: Take the whole screen, and give it back as it was. Otherwise it is painted below what was
            written before, and goes away at the end.
    """

    def __init__(self, console: Console, *, whole: bool) -> None:
        self._console = console
        self._whole = whole
        self._lines: list[Text] = []
        self._live = Live(console=console, auto_refresh=False, transient=True, screen=whole)
        self._width = console.width

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._live.stop()

    def show(self, scene: Scene) -> None:
        """Show how it is now."""
        if not self._whole:
            self._take_back_wrapped()
        self._lines = screen(scene, self._console)
        self._width = self._console.width
        self._live.update(Group(*self._lines), refresh=True)

    def _take_back_wrapped(self) -> None:
        """Go up over the rows that came about when the terminal was made narrower and wrapped its lines."""
        width = max(1, self._console.width)
        if width < self._width:
            extra = sum(max(1, ceil(line.cell_len / width)) - 1 for line in self._lines)
            row = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
            self._console.control(*(Control(*row) for _ in range(extra)))


class PlainView:
    """Writes lines now and then, at once when something changed, and at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: Scene | None = None
        self._state: object = None
        self._next_at = time.monotonic() + LINE_INTERVAL_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        if self._last and kind is None:
            self._write(self._last)

    def show(self, scene: Scene) -> None:
        """Write how it is now, if it is time for that."""
        self._last = scene
        if time.monotonic() >= self._next_at or scene.state() != self._state:
            self._write(scene)
            self._state, self._last = scene.state(), None
            self._next_at = time.monotonic() + LINE_INTERVAL_S

    def _write(self, scene: Scene) -> None:
        self._console.file.write("".join(f"{line}\n" for line in plain_lines(scene)))
        self._console.file.flush()


class DocumentView:
    """Writes JSON lines to standard output every few seconds, and at the end what was seen last.

    Why there is nothing new goes to standard error.
    """

    def __init__(self, document: Callable[[Overview], dict[str, Any]]) -> None:
        self._document = document
        self._last: Overview | None = None
        self._note = ""
        self._next_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        if kind is None:
            self._write()

    def show(self, scene: Scene) -> None:
        """Write how it is now, if it is time for that."""
        if scene.note and scene.note != self._note:
            click.echo(printable(scene.note), err=True)
        self._note = scene.note
        self._last = None if scene.is_old else scene.overview
        if time.monotonic() >= self._next_at:
            self._write()

    def _write(self) -> None:
        if self._last:
            click.echo(json.dumps(self._document(self._last)))
            self._last, self._next_at = None, time.monotonic() + DOCUMENT_INTERVAL_S


def view_on(console: Console, *, whole: bool) -> View:
    """Give the view that fits where it is shown."""
    is_painted = console.is_terminal and not console.is_dumb_terminal
    return LiveView(console, whole=whole) if is_painted else PlainView(console)
