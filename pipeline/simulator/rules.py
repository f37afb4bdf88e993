"""The rules of the body of POST /v2/calls (`add-new-call.txt`), written down apart from any client; pure.

A rule takes a value and its path and yields a sentence for each thing that is wrong. Fields that are not
named are let through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

Rule = Callable[[object, str], Iterator[str]]
MAX_INT32 = 2**31 - 1

_EMAIL = re.compile(r"[^@\s,;<>]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")
# Set aside by RFC 2606 and RFC 6761; the API refuses them (`API.md`, POST /v2/calls).
_RESERVED = re.compile(
    r"(?:^|[@.])(?:example\.(?:com|net|org)|test|example|invalid|localhost)$", re.IGNORECASE
)

SYSTEMS = ("Salesforce", "HubSpot", "MicrosoftDynamic", "Generic")
_LANGUAGES = """
    af-ZA am-ET ar-AE ar-BH ar-DZ ar-EG ar-IL ar-IQ ar-JO ar-KW ar-LB ar-MA ar-MR ar-OM ar-PS ar-QA ar-SA
    ar-TN ar-YE az-AZ bg-BG bn-BD bn-IN bs-BA ca-ES cs-CZ da-DK de-AT de-CH de-DE el-GR en-AB en-AU en-CA
    en-GB en-IE en-IN en-NZ en-PH en-SG en-US en-WL en-ZA es-AR es-BO es-CL es-CO es-CR es-DO es-EC es-ES
    es-GT es-HN es-MX es-NI es-PA es-PE es-PR es-PY es-SV es-US es-UY et-EE eu-ES fa-IR fi-FI fil-PH fr-BE
    fr-CA fr-CH fr-FR gl-ES gu-IN he-IL hi-IN hr-HR hu-HU hy-AM id-ID is-IS it-CH it-IT ja-JP jv-ID ka-GE
    kk-KZ km-KH kn-IN ko-KR lo-LA lt-LT lv-LV mk-MK ml-IN mn-MN mr-IN ms-MY my-MM ne-NP nl-BE nl-NL no-NO
    pa-Guru-IN pl-PL pt-BR pt-PT ro-RO ru-RU si-LK sk-SK sl-SI sq-AL sr-RS su-ID sv-SE sw-KE sw-TZ ta-IN
    ta-LK ta-MY ta-SG te-IN th-TH tr-TR uk-UA ur-IN ur-PK uz-UZ vi-VN yue-Hant-HK zh-CN zh-TW zu-ZA
"""
LANGUAGES = frozenset(_LANGUAGES.split())


def text(max_length: int | None = None, form: tuple[Callable[[str], object], str] | None = None) -> Rule:
    """Make the rule of a text; `form` is a test that it must pass, and what to say when it does not."""

    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{path} must be a string"
        elif max_length is not None and len(value) > max_length:
            yield f"{path} must have at most {max_length} characters"
        elif form is not None and not form[0](value):
            yield f"{path} {form[1]}"

    return check


def one_of(values: Sequence[str]) -> Rule:
    """Make the rule of a text that must be one of a few."""
    return text(form=(values.__contains__, f"must be one of {', '.join(values)}"))


def number(low: float, high: float, types: type[int] | tuple[type, ...]) -> Rule:
    """Make the rule of a number within bounds. True and false are no numbers."""

    def check(value: object, path: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isinstance(value, types):
            yield f"{path} must be {'an integer' if types is int else 'a number'}"
        elif not low <= value <= high:
            yield f"{path} must lie between {low} and {high}"

    return check


def boolean(value: object, path: str) -> Iterator[str]:
    """Check a value that must be true or false; a rule itself."""
    if not isinstance(value, bool):
        yield f"{path} must be true or false"


def items(rule: Rule, at_least: int = 0) -> Rule:
    """Make the rule of an array whose items all follow one rule."""

    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{path} must be an array"
            return
        if len(value) < at_least:
            yield f"{path} must have at least {at_least} item"
        for index, item in enumerate(value):
            yield from rule(item, f"{path}[{index}]")

    return check


def fields(rules: Mapping[str, Rule], required: Sequence[str] = ()) -> Rule:
    """Make the rule of an object. A field that is null counts as left out."""

    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path or 'The body'} must be an object"
            return
        prefix = f"{path}." if path else ""
        for name in required:
            if value.get(name) is None:
                yield f"{prefix}{name} is required"
        for name, rule in rules.items():
            if value.get(name) is not None:
                yield from rule(value[name], f"{prefix}{name}")

    return check


def _is_instant(value: str) -> bool:
    try:
        return "T" in value and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_web_address(value: str) -> bool:
    try:
        address = urlsplit(value)
        return address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        return False


def _is_email(value: str) -> bool:
    return _EMAIL.fullmatch(value) is not None and _RESERVED.search(value) is None


INSTANT = text(form=(_is_instant, "must be a date and time in ISO-8601 with an offset or Z"))
WEB_ADDRESS = text(form=(_is_web_address, "must be an http or https address"))
EMAIL = text(form=(_is_email, "is not a valid email address"))
ID = text(form=(re.compile(r"[0-9]{1,20}").fullmatch, "must be an id of up to 20 digits"))


def _context(object_types: Sequence[str]) -> Rule:
    links = fields(
        {
            "objectType": one_of(object_types),
            "objectId": text(),
            "fields": items(fields({"name": text()})),
        },
        required=("objectType", "objectId"),
    )
    return items(fields({"system": one_of(SYSTEMS), "objects": items(links)}, required=("system",)))


PARTY = fields(
    {
        "phoneNumber": text(),
        "emailAddress": EMAIL,
        "name": text(),
        "partyId": text(),
        "userId": ID,
        "mediaChannelId": number(0, 1, int),
        "context": _context(("Lead", "Contact", "Account", "Opportunity", "User", "Lead,Contact")),
    }
)
MILLISECONDS = number(0, MAX_INT32, int)
SEGMENT = fields(
    {"fromTime": MILLISECONDS, "toTime": MILLISECONDS, "partyIds": items(text())},
    required=("fromTime", "toTime", "partyIds"),
)
CALL = fields(
    {
        "clientUniqueId": text(2048),
        "title": text(),
        "purpose": text(255),
        "scheduledStart": INSTANT,
        "scheduledEnd": INSTANT,
        "actualStart": INSTANT,
        "duration": number(0, float("inf"), (int, float)),
        "parties": items(PARTY, at_least=1),
        "direction": one_of(("Inbound", "Outbound", "Conference", "Unknown")),
        "disposition": text(255),
        "context": _context(("Opportunity", "Account", "Lead", "Contact", "User", "Opportunity,Account")),
        "customData": text(),
        "speakersTimeline": fields({"precise": boolean, "speechSegments": items(SEGMENT)}),
        "meetingUrl": text(),
        "callProviderCode": text(),
        "downloadMediaUrl": WEB_ADDRESS,
        "workspaceId": ID,
        "languageCode": text(form=(LANGUAGES.__contains__, "must be one of the language codes of the API")),
        "flowContext": fields({"taskId": text()}),
        "primaryUser": ID,
    },
    required=("clientUniqueId", "actualStart", "parties", "direction", "primaryUser"),
)


def problems_of(body: object, addresses_of: Callable[[str], Sequence[str]]) -> list[str]:
    """Return a sentence for each rule that the body of a new call breaks, none when it is right.

    `addresses_of` gives the email addresses of a user by id, in lower case, none for an unknown user: a party
    stands for the primaryUser by its userId or by one of these.
    """
    problems = list(CALL(body, ""))
    if not problems and isinstance(body, dict):
        problems.extend(_party_problems(body, addresses_of(body["primaryUser"])))
    return problems


def _party_problems(call: Mapping[str, object], primary_addresses: Sequence[str]) -> Iterator[str]:
    """Check what binds the fields of a call that is right field by field."""
    parties = _objects(call.get("parties"))
    if not any(
        party.get("userId") == call["primaryUser"]
        or str(party.get("emailAddress")).lower() in primary_addresses
        for party in parties
    ):
        yield f"A party must be provided for the primaryUser {call['primaryUser']}"
    known = {party.get("partyId") for party in parties}
    timeline = call.get("speakersTimeline")
    segments = timeline.get("speechSegments") if isinstance(timeline, dict) else None
    for index, segment in enumerate(_objects(segments)):
        if not known.issuperset(segment["partyIds"]):
            yield f"speakersTimeline.speechSegments[{index}].partyIds names a party that is not in parties"
        if segment["toTime"] < segment["fromTime"]:
            yield f"speakersTimeline.speechSegments[{index}] ends before it starts"


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
