"""Calls to test with, and what the check says of them."""

from __future__ import annotations

from typing import Any

from pipeline.call import check_call
from pipeline.errors import CallInvalid, Problem

Json = Any
Path = tuple[str | int, ...]


def make_party(**overrides: Json) -> dict[str, Json]:
    return {"name": "Ada", "emailAddress": "ada@customer.com"} | overrides


def make_rep(**overrides: Json) -> dict[str, Json]:
    return {"userId": "234599484848423", "name": "Rep"} | overrides


def make_call(**overrides: Json) -> dict[str, Json]:
    return {
        "clientUniqueId": "123abc",
        "actualStart": "2018-02-17T02:30:00-08:00",
        "parties": [make_rep(), make_party()],
        "direction": "Inbound",
        "primaryUser": "234599484848423",
    } | overrides


def make_timeline_call(*segments: dict[str, Json], **overrides: Json) -> dict[str, Json]:
    """Return a call of the parties "1" and "2" with these segments."""
    parties = [make_rep(partyId="1"), make_party(partyId="2")]
    return make_call(parties=parties, speakersTimeline={"speechSegments": list(segments)}) | overrides


def make_segment(**overrides: Json) -> dict[str, Json]:
    return {"fromTime": 5100, "toTime": 24000, "partyIds": ["1"]} | overrides


def problems_of(call: object, *, has_media: bool | None = None) -> tuple[Problem, ...]:
    try:
        check_call(call, has_media=has_media)
    except CallInvalid as refused:
        return refused.problems
    return ()


def fields_of(call: object, *, has_media: bool | None = None) -> list[str]:
    return [problem.field for problem in problems_of(call, has_media=has_media)]


def message_of(call: object, *, has_media: bool | None = None) -> str:
    """Return the one problem of a call as it is told."""
    (problem,) = problems_of(call, has_media=has_media)
    return str(problem)


def dotted(path: Path) -> str:
    return ".".join(map(str, path))
