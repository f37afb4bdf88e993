"""Generated calls: all that the document takes and its prose does not forbid.

The strategy of a field follows from the document; the prose, which no document walks, is written here a
second time and in another way than in `pipeline.call`: as how to make a call right, not how to find it wrong.
"""

from __future__ import annotations

import string
from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from pipeline.call.languages import LANGUAGE_CODES
from tests.unit.call.calls import Json
from tests.unit.call.document import CALL, resolved

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
# Texts that no JSON in UTF-8 can carry, and some that only look like them.
ODD_TEXTS = st.lists(
    st.sampled_from(["a", "\0", "\\", "u0000", "\ud800", "\udc00", "\uffff", "\U0010ffff"]), max_size=4
).map("".join)
_WORDS = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)

_INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1))  # noqa: DTZ001 - the zone is drawn apart
_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@st.composite
def times(draw: st.DrawFn) -> str:
    instant = draw(_INSTANTS).replace(tzinfo=draw(_OFFSETS))
    precision = draw(st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"]))
    text = instant.isoformat(timespec=precision)
    return text.replace("+00:00", "Z") if draw(st.booleans()) else text


@st.composite
def emails(draw: st.DrawFn) -> str:
    user = draw(st.text(string.ascii_letters + string.digits + "_+-", min_size=1, max_size=8))
    return f"{user}@{draw(_WORDS)}.{draw(st.sampled_from(['com', 'test.com', 'co.uk', 'io', 'example.de']))}"


@st.composite
def web_urls(draw: st.DrawFn) -> str:
    host = draw(
        st.sampled_from(["upload-server.com", "my_bucket.s3.amazonaws.com", "127.0.0.1:8080", "[::1]"])
    )
    tail = draw(st.text(string.ascii_letters + string.digits + "/?&=%+~.:@!$'()*,;#é", max_size=20))
    return f"{draw(st.sampled_from(['http', 'https', 'HTTPS']))}://{host}/{tail}"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)

# What the prose asks of a field alone, by the field's name.
_BY_PROSE: dict[str, st.SearchStrategy[Json]] = {
    "actualStart": times(),
    "scheduledStart": times(),
    "scheduledEnd": times(),
    "emailAddress": emails(),
    "downloadMediaUrl": web_urls(),
    "languageCode": st.sampled_from(LANGUAGE_CODES),
    "value": JSON_VALUES.filter(lambda value: value is not None),
    "clientUniqueId": TEXTS.filter(bool),
    "primaryUser": TEXTS.filter(bool),
}


def _strategy(schema: dict[str, Json], name: str = "") -> st.SearchStrategy[Json]:
    strategy: st.SearchStrategy[Json]
    match schema:
        case _ if name in _BY_PROSE:
            strategy = _BY_PROSE[name]
        case {"enum": values}:
            strategy = st.sampled_from(values)
        case {"type": "string"}:
            strategy = TEXTS
        case {"type": "integer"}:
            strategy = st.integers(schema["minimum"], schema.get("maximum", 2**31 - 1))
        case {"type": "number"}:
            strategy = st.integers(0, 2**31) | st.floats(0, allow_infinity=False, width=32)
        case {"type": "boolean"}:
            strategy = st.booleans()
        case {"type": "array", "items": items}:
            strategy = st.lists(_strategy(resolved(items)), min_size=schema.get("minItems", 0), max_size=3)
        case _:
            strategy = _object(schema)
    return strategy


def _object(schema: dict[str, Json]) -> st.SearchStrategy[Json]:
    members = {name: _strategy(resolved(member), name) for name, member in schema["properties"].items()}
    required = schema.get("required", ())
    return st.fixed_dictionaries(
        {name: members[name] for name in required},
        optional={name: member for name, member in members.items() if name not in required},
    )


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Json]:
    """Draw a call of the document and make it obey the prose about several fields."""
    call: dict[str, Json] = draw(_CALLS)
    draw(st.sampled_from(call["parties"]))["userId"] = call["primaryUser"]
    if {"scheduledStart", "scheduledEnd"} <= call.keys():
        both = sorted((call["scheduledStart"], call["scheduledEnd"]), key=datetime.fromisoformat)
        call["scheduledStart"], call["scheduledEnd"] = both
    if "speakersTimeline" in call:
        _make_timeline_right(draw, call)
    return call


def _make_timeline_right(draw: st.DrawFn, call: dict[str, Json]) -> None:
    party_ids = draw(
        st.lists(TEXTS, min_size=len(call["parties"]), max_size=len(call["parties"]), unique=True)
    )
    for party, party_id in zip(call["parties"], party_ids, strict=True):
        party["partyId"] = party_id
        party.pop("mediaChannelId", None)
    for segment in call["speakersTimeline"].get("speechSegments", ()):
        segment["fromTime"], segment["toTime"] = sorted((segment["fromTime"], segment["toTime"]))
        segment["partyIds"] = draw(st.lists(st.sampled_from(party_ids), max_size=3))


_CALLS = _object(CALL)
