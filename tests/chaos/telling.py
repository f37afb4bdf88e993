"""What a run of chaos tells the one who watches it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_kept = threading.local()


def tell(*lines: str) -> None:
    """Write lines to standard output, at once; pytest shows them with a failure or under -s."""
    kept: list[str] | None = getattr(_kept, "lines", None)
    if kept is not None:
        kept += lines
        return
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


@contextmanager
def keep_told(lines: list[str]) -> Iterator[None]:
    """Keep what this thread tells, to be told later by the test that it belongs to."""
    _kept.lines = lines
    try:
        yield
    finally:
        del _kept.lines
