"""What the values of a column look like: times, durations, addresses, numbers, paths, directions.

Invariant: a column looks like something only if every value that it has does; there must be one at least.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from pipeline.manifest.mapping.convert import DIRECTION_WORDS
from pipeline.manifest.mapping.guess.sample import Column
from pipeline.manifest.mapping.media import has_ending
from pipeline.manifest.mapping.times import NAMED_FORMATS, Parse, parser_of, zone_of

KNOWN = frozenset(DIRECTION_WORDS)
"""Words for a direction that no map has to say."""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ().\-/]{5,24}")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]+)?")
_CLOCK = re.compile(r"(?:[0-9]{1,4}:)?[0-9]{1,4}:[0-9]{2}(?:\.[0-9]+)?")
_FILLED = re.compile(r"[^\W_]+")
_DIRECTIVE = re.compile("%.")
_OFFSET = re.compile(r"(?:[+-][0-9]{2}:?[0-9]{2}|Z)$")
_EPOCH_DIGITS = {"epoch_s": 10, "epoch_ms": 13}

_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%Y", "%d.%m.%y"),
    *("%d-%m-%Y", "%m-%d-%Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y"),
    *("%a %m/%d/%Y", "%a, %d %b %Y", "%a, %b %d, %Y", "%a %b %d, %Y", "%Y.%m.%d", "%Y%m%d"),
)
_CLOCKS = (
    *("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%I:%M:%S%p", "%I:%M%p", "%H:%M:%S.%f", "%H.%M.%S"),
)
_BETWEEN = (" ", ", ", "T", " - ", " at ")
_OFFSETS = ("", " %z", "%z")


def fitting(values: Sequence[str], looks: Callable[[str], object]) -> bool:
    """Tell whether a column has values and all of them look so."""
    return bool(values) and all(looks(value) for value in values)


def is_email(values: Sequence[str]) -> bool:
    """Tell whether a column has email addresses."""
    return fitting(values, _EMAIL.fullmatch)


def is_phone(values: Sequence[str]) -> bool:
    """Tell whether a column has phone numbers."""
    return fitting(values, _PHONE.fullmatch)


def is_url(values: Sequence[str]) -> bool:
    """Tell whether a column has URLs."""
    return fitting(values, _URL.fullmatch)


def is_file(values: Sequence[str]) -> bool:
    """Tell whether a column has names of media files."""
    return fitting(values, has_ending) and not is_url(values)


def is_zone(values: Sequence[str]) -> bool:
    """Tell whether a column has names of time zones."""
    return fitting(sorted(set(values)), _is_zone)


def _is_zone(name: str) -> bool:
    try:
        zone_of(name)
    except ValueError:
        return False
    return True


def is_key(column: Column, rows: int) -> bool:
    """Tell whether a column is filled in each row, with another value in each."""
    return len(column.values) == rows == len(set(column.values))


def duration_unit(column: Column) -> str | None:
    """Return the unit of a column of durations, None where it is none; seconds unless something says more."""
    if fitting(column.values, _CLOCK.fullmatch):
        return "hh:mm:ss"
    if not fitting(column.values, _NUMBER.fullmatch):
        return None
    name = column.name.casefold()
    if re.search(r"\bms\b|_ms$|milli|[a-z]ms$", name):
        return "ms"
    return "min" if re.search(r"\bmin(ute)?s?\b|_min(ute)?s?$", name) else "s"


@dataclass(frozen=True, slots=True)
class TimeForms:
    """The formats that all values of a column have; none where it is no column of times."""

    forms: tuple[str, ...]

    @property
    def is_ambiguous(self) -> bool:
        """Whether the values could be read as different times."""
        return len(self.forms) > 1


def time_forms(values: Sequence[str]) -> TimeForms:
    """Return the formats of a column of dates with times."""
    return TimeForms(_told_apart(_fitting_forms(values, [*NAMED_FORMATS, *_combined()]), values))


def date_forms(values: Sequence[str]) -> TimeForms:
    """Return the formats of a column of dates alone."""
    return TimeForms(_told_apart(_fitting_forms(values, _DATES), values))


def clock_form(values: Sequence[str]) -> str | None:
    """Return the format of a column of times of day alone."""
    return next(iter(_fitting_forms(values, _CLOCKS)), None)


@cache
def _combined() -> tuple[str, ...]:
    return tuple(
        f"{date}{between}{clock}{offset}"
        for date, between, clock, offset in product(_DATES, _BETWEEN, _CLOCKS, _OFFSETS)
    )


def _fitting_forms(values: Sequence[str], forms: Iterable[str]) -> list[str]:
    shapes = _shapes(values[0]) if values else frozenset()
    found = [form for form in forms if form in NAMED_FORMATS or _shape_of_form(form) in shapes]
    for value in dict.fromkeys(values) if found else ():
        found = [form for form in found if _parsed(form, value)]
    return found


def _shapes(value: str) -> frozenset[str]:
    """Return what a text looks like with its letters and digits left out, an offset at its end apart."""
    shapes = {_FILLED.sub("x", value)}
    if offset := _OFFSET.search(value):
        shapes.add(_FILLED.sub("x", value[: offset.start()]) + "z")
    return frozenset(shapes)


@cache
def _shape_of_form(form: str) -> str:
    """Return what the texts of a format look like; to try them all would take a second for each column."""
    base, has_offset, _ = form.partition("%z")
    return _FILLED.sub("x", _DIRECTIVE.sub("x", base)) + ("z" if has_offset else "")


def _parsed(form: str, value: str) -> object:
    if form in _EPOCH_DIGITS and not re.fullmatch(rf"[0-9]{{{_EPOCH_DIGITS[form]}}}(\.[0-9]+)?", value):
        return None
    try:
        return _parser(form)(value)
    except ValueError:
        return None


@cache
def _parser(form: str) -> Parse:
    return parser_of(form)


def _told_apart(forms: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    """Return one format for each way of reading the values."""
    readings: dict[tuple[object, ...], str] = {}
    for form in forms:
        readings.setdefault(tuple(_parsed(form, value) for value in values), form)
    return tuple(readings.values())


def direction_of(word: str) -> str | None:
    """Return the direction that a word of an export means, where it is plain."""
    folded = word.strip().casefold()
    if folded in DIRECTION_WORDS:
        return DIRECTION_WORDS[folded]
    meant = {
        direction
        for part, direction in (
            ("inbound", "Inbound"),
            ("incoming", "Inbound"),
            ("outbound", "Outbound"),
            ("outgoing", "Outbound"),
            ("conference", "Conference"),
        )
        if part in folded
    }
    return meant.pop() if len(meant) == 1 else None


def has_offsets(values: Sequence[str]) -> bool:
    """Tell whether ISO times say their offsets."""
    return all(getattr(_parsed("iso", value), "tzinfo", None) for value in values)
