"""Numbers, times and states as the pages write them. Pure; the templates call it `words`."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from math import floor

from tornado.escape import xhtml_escape

from pipeline.job import Step
from pipeline.overview import Standing

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
# What stands where nothing is known.
MISSING = '<span class="value-missing">—</span>'
# Names of steps for people, by what is recorded too.
STEPS = {
    Step.VALIDATE.value: "Check",
    Step.CREATE_CALL.value: "Create call",
    Step.UPLOAD_MEDIA.value: "Upload media",
    "validated": "Checked",
    "created": "Call created",
    "uploaded": "Media uploaded",
    "": "Handed in",
}
# The colour of a badge by what it says; Flower's own classes.
BADGES = {
    Standing.RUNNING.value: "state-active",
    Standing.WAITING.value: "state-quiet",
    Standing.PAUSED.value: "state-warning",
    Standing.CANCELLED.value: "state-quiet",
    Standing.FINISHED.value: "state-success",
    "pending": "state-quiet",
    "active": "state-active",
    "done": "state-success",
    "dead": "state-danger",
}


def number(value: float) -> str:
    """Write a whole number with separators."""
    return f"{value:,.0f}"


def percent(part: float, whole: float) -> str:
    """Write a share, never more than it is: 99.9 % until all is there."""
    tenths = floor(1000 * part / whole) if whole else 0
    return f"{tenths / 10:g} %"


def width(part: float, whole: float) -> str:
    """Write a share as a width of CSS."""
    return f"{100 * min(1.0, part / whole) if whole else 0:.3f}%"


def size(count: int | None) -> str:
    """Write a number of bytes."""
    if count is None:
        return "—"
    value, unit = float(count), "bytes"
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:,.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:,.1f} {unit}"


def duration(seconds: float) -> str:
    """Write how long something takes, in its two largest units: `8 min`, `1 h 56 min`."""
    left = max(0, round(seconds))
    units = ((DAY_S, "day"), (HOUR_S, "h"), (MINUTE_S, "min"), (1, "s"))
    for (large, name), (small, below) in pairwise(units):
        if left >= large:
            many, rest = left // large, left % large // small
            word = f"{name}s" if name == "day" and many > 1 else name
            return f"{many} {word} {rest} {below}" if rest else f"{many} {word}"
    return f"{left} s"


def moment(instant: float | None, form: str = "short") -> str:
    """Write an instant as HTML: the script shows it in the reader's own time zone.

    Args:
        instant: In seconds since the epoch.
        form: `short` (time of day, and the day if it is another one), `exact` (to the second).
    """
    if not instant:
        return MISSING
    then = datetime.fromtimestamp(instant, UTC)
    iso = then.isoformat(timespec="milliseconds")
    return f'<time datetime="{iso}" data-form="{form}">{then:%Y-%m-%d %H:%M:%S} UTC</time>'


def step(name: str) -> str:
    """Name a step."""
    return STEPS.get(name, name)


def badge(name: str, text: str = "") -> str:
    """Write a state as HTML."""
    return f'<span class="badge {BADGES.get(name, "state-quiet")}">{xhtml_escape(text or name)}</span>'


def count_of(count: int, one: str, more: str = "") -> str:
    """Write how many of something."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"
