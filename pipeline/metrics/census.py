"""What is counted for metrics alone, in one script: jobs by lane, dead letters by reason, and the totals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pipeline.job import Lane

# More active jobs than these are not told apart by lane.
MOST_ACTIVE = 1_000


@dataclass(frozen=True, slots=True)
class LaneCounts:
    """Jobs of one lane; `due_at` is when the one that is due first was due, None if none waits."""

    pending: int = 0
    active: int = 0
    due_at: float | None = None


@dataclass(frozen=True, slots=True)
class Census:
    """What was counted.

    Attributes:
        lanes: Jobs of each lane.
        dead: Dead letters by '<step>:<code>'.
        totals: Counters of the fleet, as `history/counted.py` names them.
    """

    lanes: Mapping[Lane, LaneCounts]
    dead: Mapping[str, int]
    totals: Mapping[str, int]

    @classmethod
    def from_answer(cls, _now_ms: str, *answer: Sequence[str | int]) -> Self:
        """Read what the script `census` answers."""
        *lanes, dead, totals = answer
        return cls(
            {lane: _lane(*counts) for lane, counts in zip(Lane, lanes, strict=True)},
            dict(_pairs(str(dead))),
            dict(_pairs(str(totals))),
        )


def _lane(pending: str | int, active: str | int, due_ms: str | int) -> LaneCounts:
    return LaneCounts(int(pending), int(active), int(due_ms) / 1000 if due_ms else None)


def _pairs(text: str) -> Iterator[tuple[str, int]]:
    words = text.split()
    return zip(words[::2], map(int, words[1::2]), strict=True)
