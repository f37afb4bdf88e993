"""The schemas of a call and of all that stands within it: every field of add-new-call.txt, in its order.

Invariants: names, types, bounds and values are those of the document; where a check is stricter, the reason
stands beside it. The schemas are built once and hold no state of a check.
What concerns several fields together is left to `rules`.
"""

from __future__ import annotations

from typing import Final

from marshmallow import Schema

from pipeline.call.fields import (
    GREATEST_INT32,
    AnyValue,
    Boolean,
    DocumentSchema,
    GivenField,
    Integer,
    Items,
    Kind,
    Number,
    Object,
    Text,
)
from pipeline.call.languages import LANGUAGE_CODES
from pipeline.call.texts import (
    Longest,
    OneOf,
    check_email,
    check_not_empty,
    check_time,
    check_web_url,
)

_SYSTEMS = ("Salesforce", "HubSpot", "MicrosoftDynamic", "Generic")
_PARTY_OBJECT_TYPES = ("Lead", "Contact", "Account", "Opportunity", "User", "Lead,Contact")
_CALL_OBJECT_TYPES = ("Opportunity", "Account", "Lead", "Contact", "User", "Opportunity,Account")
_DIRECTIONS = ("Inbound", "Outbound", "Conference", "Unknown")


def _object(name: str, fields: dict[str, GivenField]) -> type[Schema]:
    return DocumentSchema.from_dict({**fields}, name=name)


def _context(owner: str, object_types: tuple[str, ...]) -> type[Schema]:
    """Return the schema of a link to an external system; those of calls and parties differ in one list."""
    field = _object(f"{owner}ContextField", {"name": Text(), "value": AnyValue()})
    external_object = _object(
        f"External{owner}Object",
        {
            "objectType": Text(OneOf(object_types), required=True),
            "objectId": Text(required=True),
            "fields": Items(Object(field)),
        },
    )
    return _object(
        f"{owner}UploadContext",
        {
            # The prose says that two of the four are supported at present. The list has four, and what
            # Gong supports may grow: so the API decides.
            "system": Text(OneOf(_SYSTEMS), required=True),
            "objects": Items(Object(external_object)),
        },
    )


_PARTY = _object(
    "CallParticipant",
    {
        "phoneNumber": Text(),
        "emailAddress": Text(check_email),
        "name": Text(),
        "partyId": Text(),
        "mediaChannelId": Integer(0, 1),
        "context": Items(Object(_context("Party", _PARTY_OBJECT_TYPES))),
        "userId": Text(),
    },
)

_SPEECH_SEGMENT = _object(
    "SpeechSegment",
    {
        "fromTime": Integer(0, GREATEST_INT32, required=True),
        "toTime": Integer(0, GREATEST_INT32, required=True),
        "partyIds": Items(Text(), required=True),
    },
)

_SPEAKERS_TIMELINE = _object(
    "SpeakersTimeline", {"precise": Boolean(), "speechSegments": Items(Object(_SPEECH_SEGMENT))}
)

NewCall = _object(
    "NewCall",
    {
        # The document takes an empty text; with it, every such call would be the same recording.
        "clientUniqueId": Text(check_not_empty, Longest(2048), required=True),
        "title": Text(),
        "purpose": Text(Longest(255)),
        "scheduledStart": Text(check_time),
        "scheduledEnd": Text(check_time),
        "actualStart": Text(check_time, required=True),
        "duration": Number(),
        "parties": Items(Object(_PARTY), fewest=1, required=True),
        "direction": Text(OneOf(_DIRECTIONS), required=True),
        "disposition": Text(Longest(255)),
        "context": Items(Object(_context("Call", _CALL_OBJECT_TYPES))),
        "customData": Text(),
        "speakersTimeline": Object(_SPEAKERS_TIMELINE),
        # Nobody fetches it, and meetings have addresses that are no web URL: so it is a text.
        "meetingUrl": Text(),
        "callProviderCode": Text(),
        "downloadMediaUrl": Text(check_web_url),
        "workspaceId": Text(),
        "languageCode": Text(OneOf(LANGUAGE_CODES)),
        "flowContext": Object(_object("FlowContext", {"taskId": Text()})),
        # The document takes an empty text; it would name no user.
        "primaryUser": Text(check_not_empty, required=True),
    },
)

CALL_SCHEMA: Final[Schema] = NewCall()
"""The one instance that every check uses."""


def kind_of(path: str) -> Kind | None:
    """Return the type of the field at a path such as `parties.0.mediaChannelId`, or None if there is none.

    A list is an "object" like what stands in it: a group of fields, with no text of its own. All below a
    field of the type "any" is "any".
    """
    node: Schema | GivenField = CALL_SCHEMA
    for part in path.split("."):
        below = _below(node, part)
        if below is None:
            return None
        node = below
    return node.kind if isinstance(node, GivenField) else None


def _below(node: Schema | GivenField, part: str) -> GivenField | None:
    """Return the field that a part of a path names in an object or a list."""
    if isinstance(node, Object):
        node = node.schema
    field: object = None
    if isinstance(node, Schema):
        field = node.fields.get(part)
    elif isinstance(node, Items):
        field = node.inner if part.isascii() and part.isdecimal() else None
    elif isinstance(node, AnyValue):
        field = node if part else None
    return field if isinstance(field, GivenField) else None
