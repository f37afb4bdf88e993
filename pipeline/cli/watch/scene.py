"""What is shown at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.job import Counts
from pipeline.overview import Overview, standing
from pipeline.printable import printable


@dataclass(frozen=True, slots=True)
class Scene:
    """What is shown at one moment.

    Attributes:
        overview: As last seen; None before the first look.
        batches: Those to show, the most important one first.
        note: Why nothing new is seen, or why the server takes no writes; empty while all is well.
        is_old: Nothing new is seen.
        brings_workers: The one who watches starts workers of its own.
    """

    overview: Overview | None = None
    batches: Sequence[Counts] = ()
    note: str = ""
    is_old: bool = False
    brings_workers: bool = False

    def state(self) -> object:
        """Give what does not change while all goes on as before."""
        if self.overview is None:
            return self.note
        gate = self.overview.gate
        stands = [(each.batch, standing(each), self.overview.finish(each).obstacle) for each in self.batches]
        webhook = self.overview.webhook
        return self.note, gate and (gate.reason, gate.mode, gate.since), webhook and webhook.error, stands


def counted(counts: Counts) -> str:
    """Say how much of a batch is in a final state."""
    return f"{counts.total - counts.waiting:,} of {counts.total:,}"


def share(counts: Counts) -> str:
    """Say that as a share, never more than it is."""
    final = counts.total - counts.waiting
    return f"{1000 * final // max(1, counts.total) / 10:.1f} %"


def states(counts: Counts) -> list[str]:
    """Count a batch's jobs by state; those that there are none of only where that is news."""
    numbers = {"pending": counts.pending, "active": counts.active, "done": counts.done}
    found = [f"{number:,} {state}" for state, number in numbers.items()]
    rare = {"dead": counts.dead, "cancelled": counts.cancelled, "adopted": counts.adopted}
    return [*found, *(f"{number:,} {state}" for state, number in rare.items() if number)]


def dead_letter_lines(overview: Overview) -> list[str]:
    """Say of each of the last dead letters which recording it is, and why."""
    return [
        f"{printable(letter.client_unique_id)}: {printable(letter.code)}: {printable(letter.message)}"
        for letter in overview.letters
    ]
