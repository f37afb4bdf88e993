"""A recording as it is handed in, `{"call": {…}, "media": "…"}`: what may stand in it, and what is submitted.

Invariant: the same recording is the same submission, whichever way it came. Pure. The fields of the call are
left to `call`, whether the media is there to the step that validates the job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.call import Call, checked_body, encode_call, nearest_field
from pipeline.errors import CallInvalid, Problem
from pipeline.job import Submission
from pipeline.payload import Payload, content_hash_of

RECORDING_MAX_BYTES = 1 << 20
"""Of its JSON. A call of an hour with a segment for every second needs a fifth of it."""

_KEYS = ("call", "media")
_NO_PATH = re.compile("[\0\ud800-\udfff]")


def problems_of_members(members: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with a recording's own members; the call's fields are not looked at."""
    if "call" not in members and "clientUniqueId" in members:
        yield Problem("call", 'is missing: put the fields of the call within it, {"call": {…}, "media": "…"}')
        return
    for key in members:
        if key not in _KEYS:
            yield _unknown(key)
    if "call" not in members:
        yield Problem("call", "is missing")
    elif not isinstance(members["call"], Mapping):
        yield Problem("call", "must be an object with the fields of the call")
    if "media" in members:
        yield from _problems_of_media(members["media"])


def checked(members: object) -> Submission:
    """Make a recording as other systems hand it in into what is submitted.

    Raises:
        CallInvalid: Something is wrong with it; a problem for each field.
    """
    if not isinstance(members, Mapping):
        raise CallInvalid((Problem("", 'must be an object, {"call": {…}, "media": "…"}'),))
    if problems := tuple(problems_of_members(members)):
        raise CallInvalid(problems)
    call, media = dict(members["call"]), members.get("media")
    body = checked_body(call, has_media=media is not None)
    if len(body.encode()) > RECORDING_MAX_BYTES:
        raise CallInvalid((Problem("", "the call is longer than 1 MiB"),))
    return Submission(call["clientUniqueId"], Payload(body, media), content_hash_of(call, media))


def submission_of(
    call: Call,
    media: str | None,
    *,
    line: int = 0,
    is_linked: bool = False,
    roots: tuple[str, ...] = (),
) -> Submission:
    """Make a recording that passed its check into what is submitted.

    Its content is the same as an upload and as a link: whichever was handed in first stays. It is the same
    below another root, too: where media lies now is what was said last.

    Args:
        call: The body of `POST /v2/calls`.
        media: Reference of the media, None for none.
        line: Where it stands in its manifest, counted from 1; 0 if it came without one.
        is_linked: Whether the API is to pull the media.
        roots: Where the media lies, if all workers are on this machine; else they know it themselves.
    """
    payload = Payload(encode_call(call), media, is_linked, roots if media is not None else ())
    return Submission(call["clientUniqueId"], payload, content_hash_of(call, media), line)


def _unknown(key: object) -> Problem:
    key = str(key)
    nearest = nearest_field(key, _KEYS)
    hint = f"; is {nearest!r} meant?" if nearest else ""
    known = " and ".join(map(repr, _KEYS))
    name = key if key.isprintable() else ascii(key)
    return Problem(name, f"is not known here: a row has the fields {known}{hint}")


def _problems_of_media(media: object) -> Iterator[Problem]:
    if not isinstance(media, str) or not media.strip():
        yield Problem("media", "must be a path; leave it out where the call has a downloadMediaUrl")
    elif _NO_PATH.search(media):
        yield Problem("media", "has a character that no path can have: NUL, or half of a surrogate pair")
