"""The users of the simulated company, and its workspaces; pure, the same in every run.

User number n of 1, 2, 3, ... has the id 5000000000000000000 + n (too large for a float). Every tenth has no
telephony import (`settings.telephonyCallsImported` is false), every twenty-fifth is inactive; both are
refused as primaryUser (`API.md`, GET /v2/users). Every third has an alias.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_ID = 5_000_000_000_000_000_000
# Not one of the reserved domains, which the API refuses in parties (`API.md`).
DOMAIN = "simulated-company.com"

WORKSPACES = (
    {"id": "623457276584334001", "name": "Main", "description": "Where calls go unless they say otherwise"},
    {"id": "623457276584334002", "name": "Support", "description": "Calls of the support team"},
)


@dataclass(frozen=True, slots=True)
class User:
    """User `number`, counted from 1."""

    number: int

    @property
    def user_id(self) -> str:
        """The id, of 19 digits."""
        return str(FIRST_ID + self.number)

    @property
    def active(self) -> bool:
        """Whether the user is active."""
        return self.number % 25 != 0

    @property
    def calls_imported(self) -> bool:
        """Whether telephony calls of the user are imported."""
        return self.number % 10 != 0

    @property
    def may_host(self) -> bool:
        """Whether the user can be a primaryUser."""
        return self.active and self.calls_imported

    @property
    def email_address(self) -> str:
        """The address, in lower case."""
        return f"user.{self.number}@{DOMAIN}"

    @property
    def email_aliases(self) -> tuple[str, ...]:
        """Further addresses, in lower case."""
        return (f"alias.{self.number}@{DOMAIN}",) if self.number % 3 == 0 else ()

    def as_json(self) -> dict[str, object]:
        """Return the user in the form of openapi.json, UserMetadata."""
        return {
            "id": self.user_id,
            "emailAddress": self.email_address,
            "created": "2018-02-17T02:30:00-08:00",
            "active": self.active,
            "emailAliases": list(self.email_aliases),
            "firstName": "User",
            "lastName": f"Number {self.number}",
            "title": "Account Executive",
            "phoneNumber": f"+1 555-{self.number:07d}",
            "personalMeetingUrls": [],
            "settings": {
                "webConferencesRecorded": True,
                "preventWebConferenceRecording": False,
                "telephonyCallsImported": self.calls_imported,
                "emailsImported": True,
                "preventEmailImport": False,
                "nonRecordedMeetingsImported": False,
                "gongConnectEnabled": True,
            },
            "spokenLanguages": [{"language": "en-US", "primary": True}],
        }
