"""The bar of a batch: how many of its recordings are in which state. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.job import Counts
from workers.flower.words import percent, width


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the bar; `width` is a share of all as CSS writes it."""

    name: str
    count: int
    width: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, and what it says in words for who does not see it."""

    parts: tuple[Part, ...]
    label: str


def bar_of(counts: Counts) -> Bar:
    """Draw a batch: done, under way, dead and cancelled; what is left is the part that waits."""
    numbers = {
        "done": counts.done,
        "active": counts.active,
        "dead": counts.dead,
        "cancelled": counts.cancelled,
    }
    parts = tuple(Part(name, number, width(number, counts.total)) for name, number in numbers.items())
    told = [f"{percent(counts.done, counts.total)} done"]
    told += [f"{number:,} {name}" for name, number in numbers.items() if number and name != "done"]
    told += [f"{counts.pending:,} waiting"] if counts.pending else []
    return Bar(parts, ", ".join(told))
