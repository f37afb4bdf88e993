"""Charts as SVG: bars over time with a line for a limit. Pure; nothing but numbers goes into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Of the drawing; it is stretched to the width of the page.
WIDTH, HEIGHT = 960.0, 160.0
# A limit so many times higher than every bar would leave nothing to be seen of them.
FAR_ABOVE = 5


@dataclass(frozen=True, slots=True)
class Series:
    """One kind of bar.

    Attributes:
        name: How the legend calls it, and the class by which the style colours it.
        values: One for each interval, the oldest first.
    """

    name: str
    label: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, ready to be drawn.

    Attributes:
        paths: By the name of each series, the bars as one path of SVG; those of later ones stand on earlier.
        top: The value at the upper edge.
        limit_y: Where the line of the limit is; None without one, or if it is far above all bars.
        grid: Where lines are, and what they stand for.
    """

    paths: tuple[tuple[str, str], ...]
    series: tuple[Series, ...]
    top: float
    limit_y: float | None
    grid: tuple[tuple[float, float], ...]


def chart_of(series: Sequence[Series], *, limit: float | None = None) -> Chart:
    """Draw series stacked over each other; all have as many values."""
    totals = [sum(values) for values in zip(*(each.values for each in series), strict=True)]
    highest = max([*totals, 0.0])
    if limit and 0 < highest < limit / FAR_ABOVE:
        limit = None
    top = nice(max(highest, limit or 0.0, 1.0))
    bases = [0.0] * len(totals)
    paths = []
    for each in series:
        paths.append((each.name, _bars(each.values, bases, top)))
        bases = [base + value for base, value in zip(bases, each.values, strict=True)]
    limit_y = None if limit is None else _y(limit, top)
    grid = tuple((_y(top * part, top), top * part) for part in (0.0, 0.5, 1.0))
    return Chart(tuple(paths), tuple(series), top, limit_y, grid)


def nice(value: float) -> float:
    """Give the next round number that is not smaller: 1, 2, 4, 5, 8 or 10 times a power of ten."""
    power = 1.0
    while power * 10 < value:
        power *= 10
    return next(power * step for step in (1, 2, 4, 5, 8, 10) if power * step >= value)


def _bars(values: Sequence[float], bases: Sequence[float], top: float) -> str:
    step = WIDTH / max(1, len(values))
    gap = min(1.0, step * 0.15)
    parts = []
    for index, (value, base) in enumerate(zip(values, bases, strict=True)):
        if value > 0:
            x, y, foot = index * step, _y(base + value, top), _y(base, top)
            parts.append(f"M{x:.1f} {foot:.1f}V{y:.1f}h{step - gap:.1f}V{foot:.1f}z")
    return "".join(parts)


def _y(value: float, top: float) -> float:
    return round(HEIGHT * (1 - value / top), 1)
