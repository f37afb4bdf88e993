"""How a program is started and ended by who measures it: by lines on its standard input and output."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

READY, GO, DONE = "ready", "go", "done"


@contextmanager
def when_told() -> Iterator[None]:
    """Say that all is ready and wait for the word; say at the end that it is done, and wait for the end."""
    _say(READY)
    sys.stdin.readline()
    yield
    _say(DONE)
    # Who measures reads what this process used before it ends.
    sys.stdin.read()


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
