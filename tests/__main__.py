"""Runs all tests but the long ones, in parts side by side, then what measures time: `python -m tests`.

Most tests wait for a process, a server or an instant, so all parts take little more than the longest one.
Unit tests compute, and do so while the others wait.
What is marked `long` needs minutes, or programs of the system's packages: `make long`.
What is marked `quiet` holds a rate to a share of a limit, and would fail where others take the processors.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

SHOWN = ("tests/chaos", "tests/system")
# Beside it, each with how far it gives way to the others: what is told of them comes at the end.
OTHERS = {"tests/integration": 0, "tests/unit": 5}
BESIDE = "not quiet and not long"
ALONE = "quiet and not long"
MARK = b"pytest.mark.quiet"


def main() -> int:
    """Run them; gives 0 if all passed."""
    with ExitStack() as stack:
        outputs = {part: stack.enter_context(tempfile.TemporaryFile()) for part in OTHERS}
        others = [_start(BESIDE, part, output=outputs[part], nice=nice) for part, nice in OTHERS.items()]
        codes = [each.wait() for each in (_start(BESIDE, *SHOWN), *others)]
        for output in outputs.values():
            output.seek(0)
            sys.stdout.buffer.write(output.read())
            sys.stdout.flush()
    # To look through all others for those few takes longer than most of them.
    quiet = [path for path in sorted(Path("tests").rglob("test_*.py")) if MARK in path.read_bytes()]
    codes.append(_start(ALONE, *map(str, quiet)).wait())
    return int(any(codes))


def _start(
    marked: str, *folders: str, output: IO[bytes] | None = None, nice: int = 0
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-m", marked, *folders]
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT if output else None)
    if nice:
        os.setpriority(os.PRIO_PROCESS, process.pid, nice)
    return process


if __name__ == "__main__":
    sys.exit(main())
