"""What a process has counted for the fleet, on its way to the server: it goes along with the next script.

Invariants: counting costs no round trip and no command of its own, nobody waits for it, and no script fails
because of it. A script that is repeated because its answer was lost may count twice: these are numbers to
watch, not the ledger.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress

# Kept while the server is out of reach; what is older is forgotten.
KEPT_MOST = 1_000


class Counting:
    """What is still to be told; threads may share it."""

    def __init__(self) -> None:
        self._counted: deque[Mapping[str, int]] = deque(maxlen=KEPT_MOST)

    def add(self, counted: Mapping[str, int]) -> None:
        """Keep what was counted until the next script is run."""
        self._counted.append(counted)

    def take(self) -> Mapping[str, int]:
        """Take all that was counted, as sums; nothing if there was nothing."""
        if not self._counted:
            return {}
        taken: Counter[str] = Counter()
        with suppress(IndexError):
            while True:
                taken.update(self._counted.popleft())
        return taken


def text_of(counted: Mapping[str, int], now_ms: int | str = "") -> str:
    """Write it as `prelude.lua` reads it: of the server's clock unless another time is given."""
    return " ".join((str(now_ms), *(f"{name} {by}" for name, by in counted.items())))
