"""What the simulated Gong answers to GET: users, workspaces and calls; pure, the time is passed in.

A call without media is not shown at all, and one with media only after its processing (`API.md`, POST
/v2/calls): a listing can prove that a call exists, never that it does not. Calls that Gong was to download
stay hidden: nothing is downloaded here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pipeline.simulator import answers
from pipeline.simulator.answers import Answer, Refused
from pipeline.simulator.state import Call, Company
from pipeline.simulator.users import WORKSPACES

PAGE_SIZE = 100

Query = Mapping[str, str]
Row = TypeVar("Row")


def list_users(company: Company, query: Query) -> Answer:
    """Answer GET /v2/users: a page of all users."""
    users, records = _page(list(company.users.values()), query.get("cursor"), "users")
    return Answer(200, {"records": records, "users": [user.as_json() for user in users]})


def get_user(company: Company, user_id: str) -> Answer:
    """Answer GET /v2/users/{id}."""
    user = company.users.get(user_id)
    if user is None:
        return answers.failed(404, f"The user {user_id} was not found")
    return Answer(200, {"user": user.as_json()})


def list_workspaces() -> Answer:
    """Answer GET /v2/workspaces."""
    return Answer(200, {"workspaces": WORKSPACES})


def list_calls(company: Company, query: Query, processed_until_s: float) -> Answer:
    """Answer GET /v2/calls: a page of the calls that started in a span of time; 404 when there is none."""
    start, end = (_instant(query, name) for name in ("fromDateTime", "toDateTime"))
    shown = [
        call_json
        for call in company.calls.values()
        if _is_shown(call, processed_until_s)
        and _matches(call_json := _call_json(call), start, end, query.get("workspaceId"))
    ]
    if not shown:
        return answers.failed(404, "No calls found corresponding to the provided filters")
    calls, records = _page(shown, query.get("cursor"), "calls")
    return Answer(200, {"records": records, "calls": calls})


def get_call(company: Company, call_id: str, processed_until_s: float) -> Answer:
    """Answer GET /v2/calls/{id}."""
    call = company.calls.get(call_id)
    if call is None or not _is_shown(call, processed_until_s):
        return answers.failed(404, f"The call {call_id} was not found")
    return Answer(200, {"call": _call_json(call)})


def _page(rows: Sequence[Row], cursor: str | None, listing: str) -> tuple[Sequence[Row], dict[str, object]]:
    """Cut the page that a cursor names, and describe it (openapi.json, Records)."""
    start = 0 if cursor is None else _start_of(cursor, listing)
    page, end = rows[start : start + PAGE_SIZE], start + PAGE_SIZE
    records: dict[str, object] = {
        "totalRecords": len(rows),
        "currentPageSize": len(page),
        "currentPageNumber": start // PAGE_SIZE,
    }
    if end < len(rows):
        records["cursor"] = base64.urlsafe_b64encode(f"{listing} {end}".encode()).decode()
    return page, records


def _start_of(cursor: str, listing: str) -> int:
    try:
        named, start = base64.urlsafe_b64decode(cursor).decode().split(" ")
        if named == listing:
            return int(start)
    except (binascii.Error, ValueError):
        pass
    raise Refused(answers.failed(400, "The cursor is not valid"))


def _is_shown(call: Call, processed_until_s: float) -> bool:
    return call.media is not None and call.media.uploaded_s <= processed_until_s


def _matches(
    call: Mapping[str, Any], start: datetime | None, end: datetime | None, workspace_id: str | None
) -> bool:
    started = datetime.fromisoformat(call["started"])
    return (
        (start is None or started >= start)
        and (end is None or started < end)
        and (workspace_id is None or call.get("workspaceId") == workspace_id)
    )


def _call_json(call: Call) -> dict[str, Any]:
    """Return a call with media in the form of openapi.json, CallBasicData."""
    body = call.fields()
    video = call.media is not None and call.media.content_type.startswith("video/")
    fields = {
        "id": call.call_id,
        "url": answers.call_url(call.call_id),
        "title": body.get("title"),
        "scheduled": body.get("scheduledStart"),
        "started": body["actualStart"],
        "duration": None if body.get("duration") is None else int(body["duration"]),
        "primaryUserId": body["primaryUser"],
        "direction": body["direction"],
        "system": body.get("callProviderCode"),
        "scope": "Unknown",
        "media": "Video" if video else "Audio",
        "workspaceId": body.get("workspaceId"),
        "clientUniqueId": call.client_unique_id,
        "customData": body.get("customData"),
        "purpose": body.get("purpose"),
        "meetingUrl": body.get("meetingUrl"),
        "isPrivate": False,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _instant(query: Query, name: str) -> datetime | None:
    """Read a time of the query; openapi.json calls it required, and says what it means to leave it out."""
    text = query.get(name)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Refused(answers.failed(400, f"{name} must be a date and time in ISO-8601 with an offset or Z"))
    return instant
