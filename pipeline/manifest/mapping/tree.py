"""The call as a tree of sources, and how a row becomes a call.

Invariants: an object whose columns are all empty in a row is left out, its constants with it; one that has
constants alone stays. Lists have no gaps. Fields stand in the order of the API's document, whatever their
order in the map, so that a map with its lines moved makes the same calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.errors import Problem
from pipeline.manifest.mapping.source import DirectionUnfit, Source, Unfit


@dataclass(slots=True)
class Trace:
    """What became of one row, for its problems.

    Attributes:
        problems: What is unfit, by the field in the call.
        columns: The columns behind each field of the call.
    """

    problems: list[Problem] = field(default_factory=list)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Node(Protocol):
    """A part of the call."""

    @property
    def varies(self) -> bool:
        """Whether it reads the row at all."""

    def build(self, record: Any) -> Any:
        """Return this part of a row's call, None where there is nothing.

        Raises:
            Unfit: Something in it cannot be used.
        """

    def trace(self, record: Any, place: str, trace: Trace) -> Any:
        """Return the same, with the raw text where something is unfit, and note down why and where."""

    def sources(self, place: str) -> Iterator[tuple[str, Source]]:
        """Yield every source in it with its place."""


class Leaf:
    """A field with a source."""

    def __init__(self, source: Source) -> None:
        self.varies = source.varies
        self.build = source.value
        self._source = source

    def trace(self, record: Any, place: str, trace: Trace) -> Any:
        """Return the field's value, or the text that is unfit."""
        trace.columns[place] = self._source.columns
        try:
            return self.build(record)
        except DirectionUnfit:  # told where the direction stands
            return None
        except Unfit as unfit:
            trace.problems.append(Problem(place, str(unfit)))
            return self._source.raw(record) or None

    def sources(self, place: str) -> Iterator[tuple[str, Source]]:
        """Yield the one source."""
        yield place, self._source


class Group:
    """An object: fields by their names."""

    def __init__(self, fields: dict[str, Node]) -> None:
        self._fields = tuple(fields.items())
        self.varies = any(node.varies for node in fields.values())
        self._build = tuple((name, node.build, node.varies) for name, node in self._fields)

    def build(self, record: Any) -> dict[str, Any] | None:
        """Return the object, None where no column of it says anything."""
        filled = not self.varies
        made: dict[str, Any] = {}
        for name, build, varies in self._build:
            value = build(record)
            if value is not None:
                made[name] = value
                filled = filled or varies
        return made if filled else None

    def trace(self, record: Any, place: str, trace: Trace) -> dict[str, Any] | None:
        """Return the object with its unfit texts."""
        filled = not self.varies
        made: dict[str, Any] = {}
        below = Trace(trace.problems)
        for name, node in self._fields:
            value = node.trace(record, f"{place}.{name}" if place else name, below)
            if value is not None:
                made[name] = value
                filled = filled or node.varies
        if filled or not place:
            trace.columns |= below.columns
        return made if filled else None

    def sources(self, place: str) -> Iterator[tuple[str, Source]]:
        """Yield those of its fields."""
        for name, node in self._fields:
            yield from node.sources(f"{place}.{name}" if place else name)


class Listing:
    """A list of parts of the same kind."""

    def __init__(self, items: list[Node]) -> None:
        self._items = tuple(items)
        self.varies = any(node.varies for node in items)

    def build(self, record: Any) -> list[Any] | None:
        """Return the items that are there, None if there is none."""
        made = [value for node in self._items if (value := node.build(record)) is not None]
        return made or None

    def trace(self, record: Any, place: str, trace: Trace) -> list[Any] | None:
        """Return the items with their unfit texts."""
        made: list[Any] = []
        for node in self._items:
            value = node.trace(record, f"{place}.{len(made)}", trace)
            if value is not None:
                made.append(value)
        return made or None

    def sources(self, place: str) -> Iterator[tuple[str, Source]]:
        """Yield those of its items."""
        for index, node in enumerate(self._items):
            yield from node.sources(f"{place}.{index}")
