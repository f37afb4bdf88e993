"""What was asked of the simulator and how it answered: every request, small enough to keep a million.

A row of the log is (at_s, method, path, status, note): seconds since the start on the monotonic clock at
which the headers had been read; the status of the answer that was made, 0 while there is none; and what is
special about it:

    injected   the status comes from a fault and not from the state of the company
    reset      the connection was reset before any effect (status 0)
    lost, cut  the answer with this status was made, and did not arrive, or only half of it
    aborted    the client left: before the request was complete (status 0), or before the answer
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Iterator

FIELDS = ("at_s", "method", "path", "status", "note")
Row = tuple[float, str, str, int, str]


class RequestLog:
    """Every request of the API in the order of arrival, as columns."""

    def __init__(self) -> None:
        self._at_s = array("d")
        self._status = array("H")
        self._methods: list[str] = []
        self._paths: list[str] = []
        self._endpoints: list[str] = []
        self._notes: list[str] = []
        # Kept up to date, so that asking for them costs nothing while a run of a million requests is watched.
        self._totals: Counter[tuple[str, int]] = Counter()
        self._note_totals: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._at_s)

    def begin(self, at_s: float, method: str, path: str, endpoint: str) -> int:
        """Add a request that has just arrived; return its number."""
        self._at_s.append(at_s)
        self._status.append(0)
        self._methods.append(sys.intern(method))
        self._paths.append(path)
        self._endpoints.append(endpoint)
        self._notes.append("")
        self._totals[endpoint, 0] += 1
        return len(self._at_s) - 1

    def answer(self, number: int, status: int, note: str = "") -> None:
        """Write down the answer of a request, and what is special about it."""
        endpoint = self._endpoints[number]
        self._totals[endpoint, self._status[number]] -= 1
        self._totals[endpoint, status] += 1
        self._status[number] = status
        if note:
            self.note(number, note)

    def note(self, number: int, note: str) -> None:
        """Write down what became of a request beside its status."""
        self._note_totals[self._notes[number]] -= 1
        self._note_totals[note] += 1
        self._notes[number] = note

    def rows(self, start: int, end: int) -> Iterator[Row]:
        """Yield the rows of the requests number `start` to `end` (not included)."""
        part = slice(start, end)
        return zip(
            (round(at_s, 6) for at_s in self._at_s[part]),
            self._methods[part],
            self._paths[part],
            self._status[part],
            self._notes[part],
            strict=True,
        )

    def totals(self) -> dict[str, dict[str, int]]:
        """Count the requests by endpoint and status."""
        totals: dict[str, dict[str, int]] = {}
        for (endpoint, status), count in sorted(self._totals.items()):
            if count > 0:
                totals.setdefault(endpoint, {})[str(status)] = count
        return totals

    def notes(self) -> dict[str, int]:
        """Count the requests by note."""
        return {note: count for note, count in sorted(self._note_totals.items()) if note and count > 0}
