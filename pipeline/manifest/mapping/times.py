"""Times of an export: from the text in a cell to ISO-8601 with an offset, as the API takes them.

Invariants: a text with an offset of its own keeps it, whatever zone the map names. A text without one is a
time on the clocks of the zone. When these go back, an hour comes twice: the earlier one is meant unless the
map says otherwise. When they go forward, an hour is skipped: a time in it was on no clock there and is
refused, since the zone is wrong then. Names of months and days are English ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Ambiguous = Literal["earlier", "later", "refused"]
AMBIGUOUS: tuple[Ambiguous, ...] = ("earlier", "later", "refused")
NAMED_FORMATS = ("iso", "rfc2822", "epoch_s", "epoch_ms")
"""What a format may be called beside the directives of strptime, `%d/%m/%Y %H:%M`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN = re.compile(r"[0-9]{1,15}(?:\.[0-9]+)?")
_RFC2822 = re.compile(
    r"(?:[A-Z][a-z]{2}, ?)?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} "
    r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})? (?:[+-][0-9]{4}|GMT|UT)"
)
_DIRECTIVE = re.compile(r"%.", re.DOTALL)
_LONGEST_DATE_ALONE = len("2018-02-17")
_TRIED = datetime(2001, 12, 30, 23, 58, 59, tzinfo=UTC)
_DATE_DIRECTIVES = (("%d", "%j", "%x", "%c"), ("%m", "%b", "%B", "%j", "%x", "%c"), ("%Y", "%y", "%x", "%c"))
_TIME_DIRECTIVES = ("%H", "%I", "%X", "%c")

Parse = Callable[[str], datetime]


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return a zone by its IANA name.

    Raises:
        ValueError: There is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is not a time zone; write its IANA name, such as Europe/Paris, America/New_York or UTC"
        ) from None


def check_format(text: str) -> None:
    """Refuse a format that cannot give a date with its time.

    Raises:
        ValueError: It is neither one of NAMED_FORMATS nor one of strptime with a day, month, year and hour.
    """
    if text in NAMED_FORMATS:
        return
    if "%" not in text:
        raise ValueError(
            f"{text!r} is not a format; write {', '.join(NAMED_FORMATS)}, or one of strptime such as "
            "%d/%m/%Y %H:%M:%S"
        )
    try:
        datetime.strptime(_TRIED.strftime(text), text)  # noqa: DTZ007 - only whether it can be read
    except ValueError as error:
        raise ValueError(f"{text!r} cannot be used: {error}") from None
    found = _directives(text)
    if "%Z" in found and "%z" not in found:
        raise ValueError(
            f"{text!r} cannot be used: names of zones say no offset (%Z). Use %z, or leave it out and name "
            "the zone"
        )
    missing = [
        name
        for name, directives in zip(("day", "month", "year"), _DATE_DIRECTIVES, strict=True)
        if found.isdisjoint(directives)
    ]
    if found.isdisjoint(_TIME_DIRECTIVES):
        missing.append("hour")
    if "%I" in found and "%p" not in found:
        missing.append("AM or PM (%p)")
    if missing:
        raise ValueError(
            f"{text!r} has no {' and no '.join(missing)}; where they stand in columns of their own, join "
            'these with a template, "{Date} {Time}"'
        )


def has_offset(form: str) -> bool:
    """Tell whether every text of a format says its own offset, so that no zone is needed."""
    return form in {"epoch_s", "epoch_ms", "rfc2822"} or "%z" in _directives(form)


def may_have_offset(form: str) -> bool:
    """Tell whether a text of a format can say its own offset."""
    return form == "iso" or has_offset(form)


def _directives(form: str) -> set[str]:
    """Return the directives of a format; two percent signs are one in the text, and none of them."""
    return set(_DIRECTIVE.findall(form)) - {"%%"}


def parser_of(form: str) -> Parse:
    """Return what reads a text of a format, its offset with it where it says one.

    The function raises ValueError for other texts, the message without a subject.
    """
    if form in _NAMED:
        return _NAMED[form]

    def parse(text: str) -> datetime:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - `in_zone` gives the zone
        except ValueError:
            raise ValueError(f"is not a time of the form {form}") from None

    return parse


def _iso(text: str) -> datetime:
    try:
        if len(text) > _LONGEST_DATE_ALONE:
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError("is not a time like 2018-02-17T02:30:00-08:00; give its format")


def _rfc2822(text: str) -> datetime:
    # The library's reader passes over what it does not know: a PM at the end would cost half a day.
    if not _RFC2822.fullmatch(text):
        raise ValueError("is not a time like Tue, 31 Aug 2010 20:36:28 +0000")
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        raise ValueError("is not a time of the calendar") from None
    # RFC 2822, section 3.3: -0000 is UTC of which the place is not known.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _epoch(unit_s: Decimal, name: str) -> Parse:
    def parse(text: str) -> datetime:
        if not _PLAIN.fullmatch(text):
            raise ValueError(f"is not a time in {name} since 1970")
        seconds = Decimal(text) * unit_s
        try:
            return _EPOCH + timedelta(seconds=int(seconds), microseconds=int(seconds % 1 * 1_000_000))
        except OverflowError:
            raise ValueError(f"is no time in {name} since 1970: it is too large") from None

    return parse


_NAMED: dict[str, Parse] = {
    "iso": _iso,
    "rfc2822": _rfc2822,
    "epoch_s": _epoch(Decimal(1), "seconds"),
    "epoch_ms": _epoch(Decimal("0.001"), "milliseconds"),
}


def in_zone(moment: datetime, zone: tzinfo, ambiguous: Ambiguous) -> datetime:
    """Return a time on the clocks of a zone with its offset.

    Raises:
        ValueError: It was skipped there; or it came twice, and such times are refused.
    """
    first = moment.replace(tzinfo=zone)
    second = first.replace(fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before == after or before is None or after is None:
        return first
    # PEP 495: of a time that was skipped, the offset after the change is the greater one.
    if before < after:
        raise ValueError(
            f"was on no clock in {zone}: they went forward there in that hour. Is it another zone?"
        )
    if ambiguous == "refused":
        raise ValueError(f"was twice on the clocks in {zone}: they went back there in that hour")
    return first if ambiguous == "earlier" else second


def written(moment: datetime) -> str:
    """Return a time with an offset as the API takes it; UTC as Z."""
    text = moment.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text
