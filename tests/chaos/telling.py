"""What a run of chaos tells the one who watches it."""

from __future__ import annotations

import sys


def tell(*lines: str) -> None:
    """Write lines to standard output, at once; pytest shows them with a failure or under -s."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
