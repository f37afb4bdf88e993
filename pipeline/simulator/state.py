"""The calls of the simulated company and their media: what creates and uploads change; pure.

Invariants (`API.md`): one call for a clientUniqueId, ever; one media for a call, ever; no two calls with the
same bytes. A call has media only when all of it arrived: nothing here knows of uploads under way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from pipeline.simulator import answers, rules
from pipeline.simulator.answers import Answer
from pipeline.simulator.chance import sequence
from pipeline.simulator.users import User


@dataclass(frozen=True, slots=True)
class Media:
    """What arrived in one upload; `uploaded_s` counts from the start of the simulator."""

    size_bytes: int
    sha256: str
    file_name: str
    content_type: str
    uploaded_s: float


@dataclass(slots=True)
class Call:
    """One call; `body` is its JSON as it was received, kept as bytes because a million of them are kept."""

    call_id: str
    client_unique_id: str
    body: bytes
    downloaded: bool
    media: Media | None = None
    creates: int = 1
    uploads: int = 0
    repeated_creates: int = 0
    repeated_uploads: int = 0

    def fields(self) -> dict[str, Any]:
        """Return the body as JSON; it is an object, checked when it was received."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


class Company:
    """Everything that the company has in the simulated Gong."""

    def __init__(self, *, users: int, duplicate_status: int, seed: int) -> None:
        self.users = {user.user_id: user for user in map(User, range(1, users + 1))}
        self.calls: dict[str, Call] = {}
        self._duplicate_status = duplicate_status
        self._ids = sequence(seed, "call ids")
        self._by_client_unique_id: dict[str, Call] = {}
        self._by_content: dict[str, Call] = {}
        self._download_urls: set[str] = set()

    def create_call(self, body: bytes) -> Answer:
        """Create a call from the JSON of its metadata, or say why not. The id has 18 or 19 digits."""
        try:
            fields = json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            return answers.failed(400, "The body is not valid JSON in UTF-8")
        if problems := rules.problems_of(fields, self._addresses_of):
            return answers.failed(400, *problems)
        if known := self._by_client_unique_id.get(fields["clientUniqueId"]):
            known.repeated_creates += 1
            return answers.already_posted(self._duplicate_status, known.client_unique_id, known.call_id)
        return self._create(fields, body)

    def _create(self, fields: Mapping[str, Any], body: bytes) -> Answer:
        user = self.users.get(fields["primaryUser"])
        if user is not None and not user.may_host:
            return answers.import_not_enabled(user.user_id)
        download_url = fields.get("downloadMediaUrl")
        if download_url in self._download_urls:
            return answers.failed(400, f"The downloadMediaUrl {download_url} has already been used")
        if download_url is not None:
            self._download_urls.add(download_url)
        call = Call(self._new_call_id(), fields["clientUniqueId"], body, downloaded=download_url is not None)
        self.calls[call.call_id] = self._by_client_unique_id[call.client_unique_id] = call
        return answers.call_created(call.call_id)

    def refuse_media(self, call_id: str) -> Answer | None:
        """Say why the call takes no media, None when it does."""
        call = self.calls.get(call_id)
        if call is None:
            return answers.failed(404, f"The call {call_id} was not found")
        if call.downloaded:
            return answers.download_expected(call_id)
        if call.media is not None:
            call.repeated_uploads += 1
            return answers.already_handled(call_id)
        return None

    def add_media(self, call_id: str, media: Media) -> Answer:
        """Give media that arrived completely to its call, or say why not."""
        refusal = self.refuse_media(call_id)
        if refusal is not None:
            return refusal
        other = self._by_content.get(media.sha256)
        if other is not None:
            return answers.same_content(other.call_id)
        call = self._by_content[media.sha256] = self.calls[call_id]
        call.media = media
        call.uploads += 1
        return answers.media_added(call_id)

    def record_of_calls(self) -> Iterator[dict[str, object]]:
        """Yield each call as the record shows it, in the order of creation."""
        # A copy: the record is written in slices, between which calls are created.
        for call in list(self.calls.values()):
            yield {
                "callId": call.call_id,
                "clientUniqueId": call.client_unique_id,
                "body": call.fields(),
                "media": _record_of_media(call.media),
                "creates": call.creates,
                "uploads": call.uploads,
                "repeated_creates": call.repeated_creates,
                "repeated_uploads": call.repeated_uploads,
            }

    def _addresses_of(self, user_id: str) -> tuple[str, ...]:
        user = self.users.get(user_id)
        return () if user is None else (user.email_address, *user.email_aliases)

    def _new_call_id(self) -> str:
        while True:
            call_id = str(self._ids.randrange(10**17, 2**63))
            if call_id not in self.calls:
                return call_id


def _record_of_media(media: Media | None) -> dict[str, object] | None:
    if media is None:
        return None
    return {
        "bytes": media.size_bytes,
        "sha256": media.sha256,
        "file_name": media.file_name,
        "content_type": media.content_type,
        "uploaded_s": round(media.uploaded_s, 6),
    }


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
