"""Runs all tests but the long ones, two halves side by side, then what measures time: `python -m tests`.

Most tests wait for a process, a server or an instant, so two halves take little more than the longer one.
What is marked `long` needs minutes, or programs of the system's packages: `make long`.
What is marked `quiet` holds a rate to a share of a limit, and would fail where others take the processors.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

HALVES = (("tests/chaos", "tests/system"), ("tests/unit", "tests/integration"))
BESIDE = "not quiet and not long"
ALONE = "quiet and not long"
MARK = b"pytest.mark.quiet"


def main() -> int:
    """Run them; gives 0 if all passed."""
    with tempfile.TemporaryFile() as output:
        other = _start(BESIDE, *HALVES[1], output=output)
        codes = [_start(BESIDE, *HALVES[0]).wait(), other.wait()]
        output.seek(0)
        sys.stdout.buffer.write(output.read())
        sys.stdout.flush()
    # To look through all others for those few takes longer than most of them.
    quiet = [path for path in sorted(Path("tests").rglob("test_*.py")) if MARK in path.read_bytes()]
    codes.append(_start(ALONE, *map(str, quiet)).wait())
    return int(any(codes))


def _start(marked: str, *folders: str, output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-m", marked, *folders]
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT if output else None)


if __name__ == "__main__":
    sys.exit(main())
