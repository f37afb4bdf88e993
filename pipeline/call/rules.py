"""What the prose of add-new-call.txt says of several fields together.

Invariants: rules look at what has the right type and pass over the rest, which the schema has refused by
name; so a call with a wrong email address is still told that no party is the primaryUser. Rules are pure.

Not checked, because a call alone does not show it: whether a party with external objects is a company's
own ("Valid only for non-company parties"), and whether opportunities belong to the same account. Whether a
party is the primaryUser is checked again when email addresses are replaced by ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.call.texts import instant_of, shown
from pipeline.errors import Problem

_Objects = list[tuple[int, dict[str, Any]]]
"""The objects in a list, each with its place there."""


def problems_by_rules(call: Mapping[str, Any], *, has_media: bool | None) -> Iterator[Problem]:
    """Yield a problem for each field that breaks a rule, rule by rule.

    Args:
        call: The decoded body, its fields of any type.
        has_media: Whether the recording's media is given beside the call; None when that is not known.
    """
    parties = _objects(call.get("parties"))
    yield from _end_before_start(call)
    yield from _primary_user_absent(call, parties)
    timeline = call.get("speakersTimeline")
    if isinstance(timeline, dict):
        yield from _media_channel_beside_timeline(parties)
        yield from _party_ids_missing_or_doubled(parties)
        party_ids = _party_ids(parties)
        for place, segment in _objects(timeline.get("speechSegments")):
            at = f"speakersTimeline.speechSegments.{place}"
            yield from _segment_backwards(at, segment)
            yield from _speakers_unknown(at, segment, party_ids)
    yield from _media_twice_or_never(call, has_media=has_media)


def is_address(user: str) -> bool:
    """Tell whether a user is named by email address: an id is of digits. Whose it is, no call shows."""
    return "@" in user


def _objects(items: object) -> _Objects:
    if not isinstance(items, list | tuple):
        return []
    return [(place, item) for place, item in enumerate(items) if isinstance(item, dict)]


def _end_before_start(call: Mapping[str, Any]) -> Iterator[Problem]:
    start, end = call.get("scheduledStart"), call.get("scheduledEnd")
    if not (isinstance(start, str) and isinstance(end, str)):
        return
    starts_at, ends_at = instant_of(start), instant_of(end)
    if starts_at and ends_at and ends_at < starts_at:
        yield Problem("scheduledEnd", f"must not be before scheduledStart, {start}")


def _primary_user_absent(call: Mapping[str, Any], parties: _Objects) -> Iterator[Problem]:
    """A party must be provided for the primaryUser."""
    primary_user = call.get("primaryUser")
    if not (isinstance(primary_user, str) and primary_user and parties):
        return
    user_ids = [party["userId"] for _, party in parties if "userId" in party]
    if primary_user in user_ids:
        return
    if not all(isinstance(user_id, str) for user_id in user_ids):
        return
    if not any(_may_be_one(primary_user, user_id) for user_id in user_ids):
        yield Problem("parties", f"must have a party for the primaryUser, with userId {shown(primary_user)}")


def _may_be_one(user: str, other: str) -> bool:
    """Tell whether two may name one user: an address may be the alias of another, and stand for any id."""
    return user == other or is_address(user) or is_address(other)


def _media_channel_beside_timeline(parties: _Objects) -> Iterator[Problem]:
    """SpeakersTimeline and mediaChannelId are mutually exclusive."""
    for place, party in parties:
        if "mediaChannelId" in party:
            yield Problem(
                f"parties.{place}.mediaChannelId",
                "must not be given beside speakersTimeline; leave one of the two out",
            )


def _party_ids_missing_or_doubled(parties: _Objects) -> Iterator[Problem]:
    """The timeline recognizes speakers by partyId, so each party has one of its own."""
    first_places: dict[str, int] = {}
    for place, party in parties:
        field, party_id = f"parties.{place}.partyId", party.get("partyId")
        if "partyId" not in party:
            yield Problem(field, "is required when speakersTimeline is given")
        elif isinstance(party_id, str):
            first_place = first_places.setdefault(party_id, place)
            if first_place != place:
                yield Problem(field, f"must be unique; parties.{first_place} has {shown(party_id)} already")


def _segment_backwards(at: str, segment: dict[str, Any]) -> Iterator[Problem]:
    start, end = segment.get("fromTime"), segment.get("toTime")
    if isinstance(start, int) and isinstance(end, int) and end < start:
        yield Problem(f"{at}.toTime", f"must not be before fromTime, {start}; it is {end}")


def _party_ids(parties: _Objects) -> frozenset[str] | None:
    """Return the ids that speakers may have, or None where one of them is no text and so not known."""
    party_ids = [party["partyId"] for _, party in parties if "partyId" in party]
    return frozenset(party_ids) if all(isinstance(each, str) for each in party_ids) else None


def _speakers_unknown(
    at: str, segment: dict[str, Any], party_ids: frozenset[str] | None
) -> Iterator[Problem]:
    """Each of a segment's partyIds must have a correlating partyId within parties."""
    speakers = segment.get("partyIds")
    if party_ids is None or not isinstance(speakers, list | tuple):
        return
    for place, speaker in enumerate(speakers):
        if isinstance(speaker, str) and speaker not in party_ids:
            yield Problem(
                f"{at}.partyIds.{place}", f"must be the partyId of a party; {shown(speaker)} is not"
            )


def _media_twice_or_never(call: Mapping[str, Any], *, has_media: bool | None) -> Iterator[Problem]:
    """Either a downloadMediaUrl is provided, or the media is uploaded in a follow-up request."""
    if has_media is True and "downloadMediaUrl" in call:
        yield Problem("downloadMediaUrl", "must not be given beside media; leave one of the two out")
    if has_media is False and "downloadMediaUrl" not in call:
        yield Problem("downloadMediaUrl", "is required when no media is given beside the call")
