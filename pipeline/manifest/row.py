"""What a manifest yields: rows that may be brought in, and rows that may not, with the reason.

Invariants: every row keeps its bytes, so that a file of those that are rejected can be mended and read again.
Such a row keeps its first line's number as well: it is known by that for ever (`rejected`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from pipeline.errors import Problem
from pipeline.recording import RECORDING_MAX_BYTES

MAX_ROW_BYTES = RECORDING_MAX_BYTES
"""A longer row is rejected unread."""

ROW_MALFORMED = "row_malformed"
"""The code of a row that as such could not be read."""


def hash_of(original: bytes) -> bytes:
    """Hash a row as it stands, to know it again by wherever it stands: 12 bytes."""
    return blake2b(original, digest_size=12, person=b"row").digest()


def digest_of(row_hash: bytes) -> str:
    """Write the hash of a row as the ledger keeps it."""
    return b64encode(row_hash).decode()


@dataclass(frozen=True, slots=True)
class Row:
    """One recording: its call, already checked, and its media as the manifest names it.

    Attributes:
        line: The row's first physical line in the manifest, counted from 1; of one that was rejected before
            that in the manifest in which it first stood.
        call: The body of `POST /v2/calls`.
        media: The media's place, relative to the media root; None when the call has a downloadMediaUrl.
        original: The row's own bytes, without its last line end.
        line_here: Its first line in the file that was read, where that is another; otherwise 0.
    """

    line: int
    call: dict[str, Any]
    media: str | None
    original: bytes = field(default=b"", compare=False, repr=False)
    line_here: int = field(default=0, compare=False)

    def rejected(self, code: str, problems: tuple[Problem, ...]) -> RejectedRow:
        """Return this row as a rejected one, for what is found when it is handed in."""
        return RejectedRow(
            self.line,
            _client_unique_id(self.call),
            code,
            problems,
            _text(self.original),
            self.call,
            self.media,
            self.line_here,
        )


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row that cannot be brought in as it is.

    Attributes:
        line: The row's first physical line in the manifest, counted from 1; of one that was rejected before
            that in the manifest in which it first stood.
        client_unique_id: The call's clientUniqueId, where one could be read and can be printed.
        code: `row_malformed`, `call_invalid`, or the media's code.
        problems: What is wrong, field by field; an empty field means the row as a whole. In a CSV manifest
            a field is the column's own name; in a mapped one the field with its columns behind it.
        raw: The row as it stands in the manifest, without its last line end. Bytes that are not UTF-8 are
            kept as surrogates (PEP 383): write `original` to a file, never `raw`. Of a row of more than
            1 MiB only the beginning, which is itself too long to be read again by mistake.
        call: The call, where the row as such could be read; whatever is wrong in it stands as it was. None
            where that was found when the call was made (by a map): nobody could find it in the call.
        media: The media, as far as the row as such could be read and names some.
        line_here: Its first line in the file that was read, where that is another; otherwise 0.
    """

    line: int
    client_unique_id: str | None
    code: str
    problems: tuple[Problem, ...]
    raw: str
    call: dict[str, Any] | None = None
    media: str | None = None
    line_here: int = 0

    @property
    def here(self) -> int:
        """Its first line in the file that was read."""
        return self.line_here or self.line

    @property
    def reason(self) -> str:
        """All problems as one sentence."""
        return "; ".join(map(str, self.problems))

    @property
    def original(self) -> bytes:
        """The row's own bytes, without its last line end."""
        return self.raw.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class UncheckedRow:
    """A row of the right form, whose call and media nobody has looked at yet.

    Attributes:
        name_in_manifest: From a field of the call (`parties.0.name`) to what the manifest calls it.
        problems: What is known to be wrong already, by the field of the call, which has the text as it was.
        line, line_here: As those of a Row.
        sendable: Whether every text in the call is known to be one that can be sent.
    """

    line: int
    call: Any
    media: str | None
    original: bytes
    name_in_manifest: Callable[[str], str] = str
    problems: tuple[Problem, ...] = ()
    line_here: int = 0
    sendable: bool = False

    @property
    def here(self) -> int:
        """Its first line in the file that was read."""
        return self.line_here or self.line

    def accepted(self) -> Row:
        """Return this row as one whose call and media are right."""
        return Row(self.line, self.call, self.media, self.original, self.line_here)

    def rejected(self, code: str, problems: tuple[Problem, ...]) -> RejectedRow:
        """Return this row as a rejected one."""
        is_read = code != ROW_MALFORMED
        return RejectedRow(
            line=self.line,
            client_unique_id=_client_unique_id(self.call),
            code=code,
            problems=tuple(Problem(self.name_in_manifest(each.field), each.message) for each in problems),
            raw=_text(self.original),
            call=self.call if is_read and not self.problems and isinstance(self.call, dict) else None,
            media=self.media if is_read else None,
            line_here=self.line_here,
        )


def malformed(line: int, original: bytes, *problems: Problem) -> RejectedRow:
    """Return a row that could not be read at all."""
    return RejectedRow(line, None, ROW_MALFORMED, problems, _text(original))


def _client_unique_id(call: object) -> str | None:
    found = call.get("clientUniqueId") if isinstance(call, dict) else None
    return found if isinstance(found, str) and found.isprintable() else None


def _text(original: bytes) -> str:
    return original.decode("utf-8", "surrogateescape")
