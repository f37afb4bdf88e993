"""Commands of `gong-ingest` against an arena, as a person runs them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.arena import Arena
from tests.chaos.fleet import ROOT
from tests.chaos.recordings import write_manifest, write_recordings

ENDS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str


class Command:
    """A command that runs; its standard input is open until it is finished.

    Args:
        running: Whose settings it has.
        arguments: Of `gong-ingest`.
        root: Folder of the program, of another version perhaps.
    """

    def __init__(self, running: Arena, *arguments: str | Path, root: Path = ROOT) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", *map(str, arguments)],
            env=running.fleet.environment,
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, text: str) -> None:
        """Write to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def finish(self, text: str = "") -> Finished:
        """Write the rest of its standard input, and wait for its end; kill it when that takes too long."""
        try:
            stdout, stderr = self._process.communicate(text, timeout=ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            stdout, stderr = self._process.communicate()
            raise AssertionError(f"{self._process.args!r} did not end.\n{stdout}{stderr}") from None
        return Finished(self._process.returncode, stdout, stderr)


def write_rows(running: Arena, batch: str, count: int) -> list[str]:
    """Write so many new recordings, and give the rows of their manifest."""
    folder = running.folder / "media"
    recordings = write_recordings(folder / batch, [f"{batch}-{number:04d}" for number in range(count)])
    running.recordings += recordings
    manifest = write_manifest(folder / f"{batch}.jsonl", recordings)
    return manifest.read_text("utf-8").splitlines(keepends=True)


def backfill_of_input(running: Arena, batch: str) -> Command:
    """Start to hand in rows that come on standard input: a test decides when how many have come."""
    return Command(running, "backfill", "-", "--format", "jsonl", "--batch", batch, "--no-wait", "--json")
