"""The file of rejected rows, as a person is told of it.

Invariant: a file that cannot be written stops nothing; every rejected row is told all the same.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from pipeline.cli.choices import as_typed
from pipeline.manifest import RejectedRow
from pipeline.manifest.rejected.file import RejectedFile, own_name


@dataclass(slots=True)
class RejectedRows:
    """Takes the rejected rows of a run.

    Attributes:
        file: Where they go.
        problem: Why they are nowhere; empty while they are.
        path: Where they are, when all of them are there; None where there are none.
    """

    file: RejectedFile
    problem: str = ""
    path: Path | None = None
    _before: Path | None = None

    def add(self, row: RejectedRow) -> None:
        """Write a row, unless one before it could not be written."""
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

    def sentences(self, command: str) -> list[str]:
        """Say where they are and what to do; `command` brings them in when they are corrected."""
        if self.problem:
            return [f"{self.problem} Name another file with --rejected, and run the same command again."]
        said = []
        if self.path:
            rows = (
                "1 rejected row stands" if self.file.rows == 1 else f"{self.file.rows:,} rejected rows stand"
            )
            said.append(f"{rows} in {self.path}. Correct them there, then run: {command}")
        if self._before:
            now = "is not needed any more" if self.path is None else "had other rows"
            said.append(f"{self.file.path} of an earlier run {now}; it is kept as {self._before}.")
        return said


def command_of(
    path: Path, *, batch: str, media_root: Path | str | None, map_path: Path | None, links: bool = False
) -> str:
    """Return the command that brings corrected rows into their batch."""
    words = ["backfill", str(path)]
    if own_name(path, is_replay=True) != batch:
        words += ["--batch", batch]
    for option, value in (("--media-root", media_root), ("--map", map_path)):
        if value:
            words += [option, str(value)]
    if links:
        words += ["--media-mode", "link"]
    return as_typed(shlex.join(words))
