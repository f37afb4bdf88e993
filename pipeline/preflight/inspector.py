"""Inspects rows: looks at each and keeps what its twins are told by.

A process of the preflight reads pieces as one text without end, with the one reader that it begins with: the
manifest's own beginning tells that reader the form and the columns, and its rows are not told again.

Invariant: a piece ends where a row ends, so the reader never asks for the next one in the middle of a row.
"""

from __future__ import annotations

import gc
import io
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.manifest import Reading, RejectedRow, digest_of, hash_of
from pipeline.manifest.reader import rows_of
from pipeline.manifest.row import UncheckedRow
from pipeline.media import Access, MayLink
from pipeline.preflight.finding import Inspected
from pipeline.preflight.named import users_of
from pipeline.preflight.row import RowCheck
from pipeline.preflight.twins import Marked, MarkFile, twins_in


class Stretch(NamedTuple):
    """Whole rows that stand one after another: their first line's number, and their bytes."""

    first_line: int
    content: bytes


Piece = Sequence[Stretch]

# Signals that whoever starts processes lets wait until all of them are started, and each takes again.
WAITED_WITH = frozenset({signal.SIGTERM, signal.SIGHUP})
_GARBAGE_LOOKED_AT = 50_000  # objects that were made and are still there; some hundred rows at work


@dataclass(frozen=True, slots=True)
class Task:
    """What an inspector needs to know.

    Attributes:
        path: The manifest's; it is not opened.
        reading: How to read it, pickled before it was bound to the manifest.
        beginning: The manifest's first lines, up to the end of a row.
        folder: For the marks of all inspectors.
    """

    path: Path
    reading: bytes
    beginning: bytes
    access: Access | None
    links: bool
    can_link: MayLink | None
    folder: Path


class Inspector:
    """Looks at rows, and counts what it finds."""

    def __init__(self, check: RowCheck, folder: Path, number: int) -> None:
        self._check = check
        self._marks = MarkFile(folder, number)
        self._found = Inspected()

    def take(self, row: UncheckedRow | RejectedRow, line: int) -> None:
        """Look at a row; `line` is its first in the manifest."""
        found = self._found
        looked = self._check.look(row, line)
        found.rows += 1
        found.findings += looked.findings
        if looked.job_id is None:
            found.rejected += 1
            found.digests[line] = digest_of(hash_of(row.original))
            if looked.refused_id:
                found.refused.append((line, looked.refused_id))
        else:
            _jobs_like(looked.marked, found).append((line, looked.job_id))
            found.named.setdefault(users_of(row.call or {}), []).append(line)
        if looked.marked:
            self._marks.add(looked.marked)

    def hand_over(self, left_out: int = 0) -> Inspected:
        """Give what was found since the last time."""
        found, self._found = self._found, Inspected()
        found.left_out = left_out
        return found

    def close(self) -> None:
        """Finish the marks, so that they may be read; may be called twice."""
        self._marks.close()


def _jobs_like(marked: Marked | None, found: Inspected) -> list[tuple[int, str]]:
    """Return those of the jobs found whose media comes to Gong in the same way."""
    if marked is None or not marked.has_media:
        return found.links
    return found.linkable if marked.may_link else found.uploads


class Pieces:
    """Pieces as one text: what a reader of the manifest reads from.

    Args:
        beginning: What comes first.
        pieces: Asked for a piece when the reader has read all that there was.
        before_piece: Called before that.

    Attributes:
        lines_ahead: By how much the manifest's line numbers are ahead of the reader's.
    """

    def __init__(self, beginning: bytes, pieces: Iterator[Piece], before_piece: Callable[[], None]) -> None:
        self._content = io.BytesIO(beginning)
        self._stretches = self._read(pieces, before_piece)
        self._lines_read = 0
        self.lines_ahead = 0

    def readline(self, size: int, /) -> bytes:
        """Read on to the end of the line; empty when there is no further piece."""
        while not (line := self._content.readline(size)):
            stretch = next(self._stretches, None)
            if stretch is None:
                return b""
            self._content = io.BytesIO(stretch.content)
            self.lines_ahead = stretch.first_line - 1 - self._lines_read
        self._lines_read += 1
        return line

    @staticmethod
    def _read(pieces: Iterator[Piece], before_piece: Callable[[], None]) -> Iterator[Stretch]:
        before_piece()
        for piece in pieces:
            yield from piece
            before_piece()


class _StarterGone(Exception):
    """Whoever started this process is gone."""


def serve(connection: Connection, task: Task, number: int) -> None:
    """Inspect the pieces that come until None comes, then tell the twins of parts; what a process does.

    It ends without a word when whoever started it is gone, and tells why when it cannot go on.
    """
    # Ctrl-C and the end of the terminal are for who started it, who ends it: whoever sees it end first would
    # else be told of a process that is gone, instead of being asked to stop.
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WAITED_WITH)
    # Rows hardly make cycles; to look for them as often as usual takes a quarter of the time.
    gc.freeze()
    gc.set_threshold(_GARBAGE_LOOKED_AT)
    with suppress(_StarterGone, BrokenPipeError, ConnectionResetError):
        try:
            _serve(connection, task, number)
        except (BrokenPipeError, ConnectionResetError):
            raise
        except OSError as error:  # of the files of marks
            connection.send(str(error))


def _received(connection: Connection) -> Iterator[Any]:
    """Give what comes until None comes."""
    while True:
        try:
            work = connection.recv()
        except (EOFError, ConnectionResetError) as error:
            # Not an EOFError: to whoever reads a manifest that would be one that was cut off.
            raise _StarterGone from error
        if work is None:
            return
        yield work


def _serve(connection: Connection, task: Task, number: int) -> None:
    check = RowCheck(task.access, links=task.links, can_link=task.can_link)
    inspector = Inspector(check, task.folder, number)
    _inspect(inspector, task, _received(connection), connection.send)
    inspector.close()
    connection.send(None)
    for parts in _received(connection):
        for part in parts:
            for twins in twins_in(task.folder, part):
                connection.send(twins)
            connection.send(None)


def _inspect(
    inspector: Inspector, task: Task, pieces: Iterator[Piece], send: Callable[[Inspected], None]
) -> None:
    reading: Reading = pickle.loads(task.reading)  # noqa: S301 - from the process that started this one
    column_map = reading.column_map
    told: int | None = None

    def hand_over() -> None:
        """Send what the last piece came to; before the first there was only the beginning."""
        nonlocal told
        left_out = column_map.left_out if column_map else 0
        if told is not None:
            send(inspector.hand_over(left_out - told))
        told = left_out

    text = Pieces(task.beginning, pieces, hand_over)
    for row in rows_of(text, task.path, reading).unchecked:
        if told is not None:
            inspector.take(row, row.here + text.lines_ahead)
