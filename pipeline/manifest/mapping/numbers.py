"""Durations and other numbers of an export.

Invariants: seconds stay as they are written (125.80 stays 125.80); what is converted is converted in decimal,
so that no digit comes in that was not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

from pipeline.manifest.columns import number_of

Unit = Literal["s", "ms", "min", "hh:mm:ss"]
UNITS: tuple[Unit, ...] = ("s", "ms", "min", "hh:mm:ss")

# Without exponents: a short text could say a number that fills the memory.
_PLAIN = re.compile(r"[0-9]{1,18}(?:\.[0-9]+)?")
# A single part is refused: nobody can tell whether it is minutes or seconds.
_CLOCK = re.compile(r"(?:([0-9]{1,9}):)?([0-9]{1,4}):([0-9]{1,2}(?:\.[0-9]+)?)")


def duration_of(unit: Unit) -> Callable[[str], Any]:
    """Return what reads a duration of a unit as seconds.

    `hh:mm:ss` may lack its hours (`03:21` is three minutes and 21 seconds) and have a fraction. The function
    raises ValueError for other texts, the message without a subject.
    """
    if unit == "s":
        return number_of
    if unit == "hh:mm:ss":
        return _clock
    factor = {"ms": Decimal("0.001"), "min": Decimal(60)}[unit]

    def convert(text: str) -> float:
        if not _PLAIN.fullmatch(text):
            raise ValueError(f"is not a number of {'minutes' if unit == 'min' else 'milliseconds'}")
        return _shortest(Decimal(text) * factor)

    return convert


def _clock(text: str) -> float:
    found = _CLOCK.fullmatch(text)
    if not found:
        raise ValueError("is not a duration like 1:02:03 (hours, minutes, seconds) or 02:03")
    hours, minutes, seconds = found.groups()
    return _shortest(Decimal(hours or 0) * 3600 + Decimal(minutes) * 60 + Decimal(seconds))


def _shortest(seconds: Decimal) -> float:
    """Return a whole number where it is one."""
    return int(seconds) if seconds == seconds.to_integral_value() else float(seconds)
