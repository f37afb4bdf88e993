"""What the headers of exports say: the words by which a field is told from the name of a column.

Invariant: a name is taken apart into its words, in lower case, whatever joins them: `operator_email`,
`from.phoneNumber` and `Call ID (UUID)` are "operator email", "from phone number" and "call id uuid".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pipeline.manifest.mapping.guess.sample import Column

_UNITS = frozenset(
    ("s", "sec", "secs", "seconds", "ms", "milliseconds", "min", "mins", "minutes", "utc", "gmt")
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# The better a name fits, the earlier it stands.
CALL_ID = (
    *(
        "call id",
        "callid",
        "call sid",
        "call uuid",
        "recording id",
        "recording sid",
        "sid",
        "uuid",
        "unique id",
    ),
    *("uniqueid", "global interaction id", "interaction id", "session id", "conversation id", "id", "guid"),
    *("call log id", "record id", "reference", "call reference", "call number", "call key"),
)
START = (
    *(
        "start time",
        "call start",
        "started at",
        "date started",
        "start at",
        "started",
        "start",
        "call start time",
    ),
    *("start date", "date time", "datetime", "timestamp", "call date", "call time", "time", "date"),
    *("start timestamp", "answered at", "date connected", "connected at", "date created", "created at"),
)
DATE = ("date", "call date", "start date", "day")
CLOCK = ("time", "call time", "start time", "time of day", "hour")
DURATION = (
    *("duration", "call duration", "recording duration", "duration seconds", "duration s", "duration ms"),
    *(
        "talk time",
        "talk duration",
        "in call duration",
        "length",
        "call length",
        "total time",
        "total duration",
    ),
    *("handle time", "call time"),
)
DIRECTION = (
    "direction",
    "call direction",
    "call type",
    "type",
    "inbound outbound",
    "in out",
    "direction type",
)
DISPOSITION = ("disposition", "call disposition", "outcome", "call outcome", "result", "call result")
FILE = (
    *(
        "recording file",
        "recording path",
        "recording name",
        "recording filename",
        "recording file name",
        "file",
    ),
    *(
        "filename",
        "file name",
        "file path",
        "path",
        "audio",
        "audio file",
        "recording",
        "recordings",
        "media",
    ),
    "recordingid",
    "recording id",
)
ZONE = ("timezone", "time zone", "number timezone", "tz", "number time zone")
TITLE = ("title", "subject", "topic", "meeting topic", "call title")
MEETING_URL = ("meeting url", "join url", "meeting link")

REP = ("agent", "user", "rep", "owner", "operator", "employee", "host", "teammate", "advisor", "internal")
CUSTOMER = ("customer", "contact", "external", "client", "lead", "prospect", "guest", "patient")
# What a caller is called, and what the one who is called.
PAIRS = (
    *(
        ("from", "to"),
        ("caller", "callee"),
        ("calling", "called"),
        ("source", "destination"),
        ("ani", "dnis"),
    ),
    *(("src", "dst"), ("origin", "destination"), ("from number", "to number"), ("cli", "ddi")),
)
PHONE = ("customer phone", "phone number", "phone", "telephone", "number", "remote number")
NAME = "name"


def words_of(name: str) -> str:
    """Return the words of a column's name."""
    return " ".join(word.casefold() for word in _WORD.findall(name))


def named(columns: Iterable[Column], names: Sequence[str]) -> list[Column]:
    """Return the columns that are named so, the best fitting first; a unit after the name does not count."""
    ranks = {name: rank for rank, name in enumerate(names)}
    found = [(ranks[each], column) for column in columns if (each := _without_unit(column.name)) in ranks]
    if not found:
        found = [
            (rank, column)
            for column in columns
            for name, rank in ranks.items()
            if " " in name and words_of(column.name).startswith(f"{name} ")
        ]
    return [column for _, column in sorted(found, key=lambda each: each[0])]


def _without_unit(name: str) -> str:
    of = words_of(name).split()
    while len(of) > 1 and of[-1] in _UNITS:
        of.pop()
    return " ".join(of)


def about(columns: Iterable[Column], subjects: Sequence[str]) -> list[Column]:
    """Return the columns about someone: one of the subjects is among the words of the name."""
    return [column for subject in subjects for column in columns if subject in words_of(column.name).split()]
