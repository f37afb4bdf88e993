"""Users, as the API tells of them and as they are read."""

from __future__ import annotations

from typing import Any

from pipeline.people import User


def make_user(number: int, **overrides: Any) -> User:
    """Make user `number`, who can be a primaryUser."""
    user = User(str(number), active=True, calls_imported=True, address=f"user.{number}@acme.com", aliases=())
    return user._replace(**overrides)


def make_fields(number: int, **overrides: Any) -> dict[str, Any]:
    """Make the same user in the form of the API (`openapi.json`, UserMetadata)."""
    return {
        "id": str(number),
        "emailAddress": f"user.{number}@acme.com",
        "emailAliases": [],
        "active": True,
        "settings": {"telephonyCallsImported": True},
    } | overrides
