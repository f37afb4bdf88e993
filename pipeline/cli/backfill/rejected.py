"""The file of rejected rows, as a person is told of it.

Invariant: a file that cannot be written stops nothing; every rejected row is told all the same.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from pipeline.cli.choices import as_typed
from pipeline.errors import is_of_media
from pipeline.manifest import RejectedRow
from pipeline.manifest.rejected.file import RejectedFile, own_name


@dataclass(slots=True)
class RejectedRows:
    """Takes the rejected rows of a run.

    Attributes:
        file: Where they go.
        problem: Why they are nowhere; empty while they are.
        path: Where they are, when all of them are there; None where there are none.
        of_media: How many of them have nothing wrong but their media.
    """

    file: RejectedFile
    problem: str = ""
    path: Path | None = None
    of_media: int = 0
    _before: Path | None = None

    def add(self, row: RejectedRow) -> None:
        """Write a row, unless one before it could not be written."""
        # a new one among corrected rows is kept nowhere else
        is_kept = bool(row.line_here) or not self.file.is_of_replay
        self.of_media += is_kept and is_of_media(row.code)
        if not self.problem:
            try:
                self.file.add(row)
            except OSError as error:
                self._give_up(error)

    def finish(self) -> None:
        """Put the file in its place: every row was read."""
        if not self.problem:
            try:
                self._before = self.file.finish()
                self.path = self.file.path if self.file.rows else None
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.problem = f"Rejected rows could not be written to {self.file.path}: {error.strerror or error}."
        self.file.discard()

    def sentences(self, command: str, with_media: str) -> list[str]:
        """Say where they are and what to do.

        Args:
            command: Brings them in when they are corrected.
            with_media: Brings those in whose media has come.
        """
        if self.problem:
            return [f"{self.problem} Name another file with --rejected, and run the same command again."]
        said = []
        if self.path:
            rows = (
                "1 rejected row stands" if self.file.rows == 1 else f"{self.file.rows:,} rejected rows stand"
            )
            if self.of_media < self.file.rows:
                said.append(f"{rows} in {self.path}. Correct them there, then run: {command}")
            else:
                said.append(f"{rows} in {self.path}.")
            if self.of_media:
                which = "Of one" if self.of_media == 1 else f"Of {self.of_media:,}"
                said.append(
                    f"{which} only the media is wrong. When it is right, this is enough: {with_media}"
                )
        if self._before:
            now = "is not needed any more" if self.path is None else "had other rows"
            said.append(f"{self.file.path} of an earlier run {now}; it is kept as {self._before}.")
        return said


def requeue_of(batch: str, *, media_root: Path | str | None, links: bool) -> str:
    """Return the command that looks at rejected rows of a batch again."""
    return as_typed(shlex.join(["requeue", batch, *_where_media_is(media_root, links=links)]))


def _where_media_is(media_root: Path | str | None, *, links: bool) -> list[str]:
    words = ["--media-root", str(media_root)] if media_root else []
    return [*words, "--media-mode", "link"] if links else words


def command_of(
    path: Path, *, batch: str, media_root: Path | str | None, map_path: Path | None, links: bool = False
) -> str:
    """Return the command that brings corrected rows into their batch."""
    words = ["backfill", str(path)]
    if own_name(path, is_replay=True) != batch:
        words += ["--batch", batch]
    if map_path:
        words += ["--map", str(map_path)]
    return as_typed(shlex.join([*words, *_where_media_is(media_root, links=links)]))
