"""The runbook's commands, read off its text and typed into a shell: so they cannot drift from what works."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from textwrap import dedent

from tests.servers import program_of

RUNBOOK = Path(__file__).parents[1] / "ops" / "runbook"
ENDS_WITHIN_S = 90.0


def blocks_of(page: str, heading: str) -> list[str]:
    """Give the blocks of commands that stand below a heading of a page, in order.

    Raises:
        ValueError: There is no such heading, or it is there twice.
    """
    text = (RUNBOOK / page).read_text("utf-8")
    sections = text.split("\n## ")
    (section,) = [each for each in sections if each.partition("\n")[0] == heading]
    return list(_blocks(section.splitlines()))


def _blocks(lines: list[str]) -> Iterator[str]:
    """A block is indented by four or more; a list's own text is by three at most."""
    block: list[str] = []
    for line in [*lines, "end"]:
        if line.startswith("    "):
            block.append(line)
        elif block and line.strip():
            yield dedent("\n".join(block)).strip()
            block = []


class Shell:
    """A shell at which a person types: what is set in one block holds in those after it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Open it in a folder; its `gong-ingest` is that of the tests."""
        self._folder = folder
        programs = f"{Path(sys.executable).parent}:{environment.get('PATH', '')}"
        self.environment = {**environment, "PATH": programs}

    def name_program(self, name: str, program: Path | str) -> None:
        """Let a name stand for a program, as a system's packages do."""
        folder = self._folder / "programs"
        folder.mkdir(exist_ok=True)
        (folder / name).symlink_to(program)
        self.environment["PATH"] = f"{folder}:{self.environment['PATH']}"

    def type(self, block: str) -> str:
        """Type a block, and give what it wrote.

        Raises:
            AssertionError: One of its commands failed; the text says what it wrote.
        """
        with NamedTemporaryFile(prefix="shell-") as state:
            done = self._run(f'set -a\n{block}\nenv -0 > "{state.name}"')
            left = Path(state.name).read_text("utf-8")
        assert done.returncode == 0, f"{block}\nended with {done.returncode}:\n{done.stdout}{done.stderr}"
        pairs = (entry.split("=", 1) for entry in left.split("\0") if "=" in entry)
        self.environment = {name: value for name, value in pairs if name not in {"_", "SHLVL", "PWD"}}
        return done.stdout

    def _run(self, text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program_of("bash"), "-euo", "pipefail", "-c", text],
            cwd=self._folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ENDS_WITHIN_S,
            check=False,
        )
