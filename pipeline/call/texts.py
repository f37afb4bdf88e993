"""What may stand in a text: times, email addresses, URLs, one of a list of values; and how it is told.

Each check takes a text, returns nothing, and raises marshmallow's ValidationError with a sentence that says
what would be right. None of them changes the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from marshmallow import ValidationError, validate

from pipeline.call.nearest import nearest_names

TextCheck = Callable[[str], None]

_MOST_SHOWN = 60
_MOST_LISTED = 8

# What JSON Schema has of regular expressions, too: it is told to others in this form.
_DATE_AND_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
TIME = _DATE_AND_TIME + r"(?:Z|[+-][0-9]{2}:[0-5][0-9])"
_TIME = re.compile(TIME)
_TIME_WITHOUT_OFFSET = re.compile(_DATE_AND_TIME)

# RFC 2606 and RFC 6761 reserve these names, so no person has an address there.
_RESERVED_DOMAIN = re.compile(
    r"(?:^|\.)(?:test|example|invalid|localhost|example\.(?:com|net|org))$", re.IGNORECASE
)
_EMAIL = validate.Email()
# What a format `email` does not say.
EMAIL_HINT = "None below a reserved domain such as example.com, which the API refuses."

_WEB_URL = re.compile(
    r"https?://"
    r"(?:[^\s/?#@]*@)?"  # user and password
    r"(?:\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)"  # host
    r"(?::[0-9]{1,5})?"
    r"(?:[/?#]\S*)?",
    re.IGNORECASE,
)

# Half of a surrogate pair has no UTF-8 form and cannot be sent; NUL is cut or refused by what stores texts.
_UNSENDABLE = re.compile("[\0\ud800-\udfff]")


def shown(value: object) -> str:
    """Return a value as a person would find it in the JSON, cut where it is long."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return f"a value of the type {type(value).__name__}"
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def path_below(path: str, name: object) -> str:
    """Return the dotted path of a field or item, fit for a line of a report whatever its name is."""
    text = str(name)
    printable = text if text.isprintable() else json.dumps(text)[1:-1]
    return f"{path}.{printable}" if path else printable


def check_sendable(text: str) -> None:
    """Refuse what no JSON in UTF-8 can carry; every other character is sent as it is given."""
    if found := _UNSENDABLE.search(text):
        name = "NUL" if found[0] == "\0" else "half of a surrogate pair"
        raise ValidationError(
            f"has {name} (U+{ord(found[0]):04X}) at position {found.start()}; remove that character"
        )


def check_not_empty(text: str) -> None:
    """Refuse the empty text where it would name nothing."""
    if not text:
        raise ValidationError("must not be empty")


@dataclass(frozen=True, slots=True)
class Longest:
    """Refuses texts of more characters than this."""

    characters: int

    def __call__(self, text: str) -> None:
        """Raise ValidationError for a longer text."""
        if len(text) > self.characters:
            raise ValidationError(f"must have at most {self.characters} characters, not {len(text)}")


class OneOf:
    """Refuses everything but these values; a long list is not told in full."""

    __slots__ = ("_known", "values")

    def __init__(self, values: Sequence[str]) -> None:
        self.values = tuple(values)
        self._known = frozenset(values)

    def __call__(self, text: str) -> None:
        """Raise ValidationError for any other text, with what is near."""
        if text in self._known:
            return
        values = self.values
        if len(values) <= _MOST_LISTED:
            raise ValidationError(f"must be one of {', '.join(values)}; {shown(text)} is not")
        near = _of_same_language(text, values) or nearest_names(text, values, most=3)
        raise ValidationError(
            f"{shown(text)} is not known" + (f"; the nearest are {', '.join(near)}" if near else "")
        )


def _of_same_language(text: str, codes: Sequence[str]) -> list[str]:
    """Return the codes of the language that a code such as `en-us` or `EN` begins with, nearest first."""
    language = re.split(r"[-_]", text.casefold(), maxsplit=1)[0]
    same = [code for code in codes if code.casefold().split("-")[0] == language]
    nearest = nearest_names(text, same, most=1) if len(text) > len(language) else []
    return nearest + [code for code in same if code not in nearest]


def instant_of(text: str) -> datetime | None:
    """Return the instant of a time that `check_time` takes, None of any other text."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def check_time(text: str) -> None:
    """Refuse what is not an ISO-8601 date and time with `Z` or an offset such as `-07:00` (add-new-call.txt).

    Of the forms of ISO-8601 it takes the one of the document's examples; seconds may be absent or have a
    fraction. The date must be one of the calendar.
    """
    if _TIME.fullmatch(text):
        try:
            datetime.fromisoformat(text)
        except ValueError as error:
            raise ValidationError(f"{shown(text)} does not exist: {error}") from None
    elif _TIME_WITHOUT_OFFSET.fullmatch(text):
        raise ValidationError(
            f"{shown(text)} has no offset from UTC; write {text}Z where it is UTC, "
            f"or add the offset of the place, such as {text}-07:00"
        )
    else:
        raise ValidationError(
            f"{shown(text)} is not a time with an offset; "
            "write it like 2018-02-17T02:30:00-08:00, or 2018-02-17T10:30:00Z for UTC"
        )


def check_email(text: str) -> None:
    """Refuse what is not an email address, or stands below a reserved domain (API.md)."""
    try:
        _EMAIL(text)
    except ValidationError:
        raise ValidationError(
            f"{shown(text)} is not an email address; leave the field out where there is none"
        ) from None
    if found := _RESERVED_DOMAIN.search(text.rpartition("@")[2]):
        raise ValidationError(
            f"{shown(text)} is at {found[0].lstrip('.')}, a reserved domain, which the API refuses; "
            "leave the field out where there is no real address"
        )


def check_web_url(text: str) -> None:
    """Refuse what Gong cannot fetch: anything but an absolute http or https URL without white space."""
    if not _WEB_URL.fullmatch(text):
        raise ValidationError(
            f"{shown(text)} is not a URL that can be fetched; write it like "
            "https://upload-server.com/sample-call.mp3, a space in it as %20"
        )
