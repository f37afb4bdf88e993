"""A company whose users change, behind an API that answers as a test says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.integration.gong.servers import Connection, Received

Said = tuple[int, Any]


@dataclass(slots=True)
class Company:
    """Answers `GET /v2/users` in pages, and creates.

    Attributes:
        users: In the form of the API.
        page_size: Users of a page.
        says: Answers by the beginning of the request's line, instead of its own.
        asked: The cursor of each page that was asked for, `""` for the first.
        posted: The body of each create.
    """

    users: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 2
    says: dict[str, Said] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)

    def __call__(self, connection: Connection) -> None:
        """Handle one connection."""
        while (request := connection.read_request()).line:
            connection.answer(*self._answer(request))

    def _answer(self, request: Received) -> Said:
        method, target, _ = request.line.split()
        if method == "POST":
            self.posted.append(request.body.decode())
        else:
            self.asked.append(parse_qs(urlsplit(target).query).get("cursor", [""])[0])
        for beginning, said in self.says.items():
            if request.line.startswith(beginning):
                return said
        return (200, {"callId": str(len(self.posted))}) if method == "POST" else self._page(self.asked[-1])

    def _page(self, cursor: str) -> Said:
        start = int(cursor or 0)
        end = start + self.page_size
        records = {"cursor": str(end)} if end < len(self.users) else {}
        return 200, {"users": self.users[start:end], "records": records}

    def posted_users(self) -> list[str]:
        """Give the primaryUser of each create."""
        return [json.loads(body)["primaryUser"] for body in self.posted]


def errors(*texts: str) -> dict[str, Any]:
    return {"requestId": "4al018gzaztcr8nbukw", "errors": list(texts)}
