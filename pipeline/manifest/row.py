"""What a manifest yields: rows that may be brought in, and rows that may not, with the reason.

Invariant: a RejectedRow keeps the bytes of its row, so that a file of such rows can be mended and read again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.errors import Problem

MAX_ROW_BYTES = 1 << 20
"""A longer row is rejected unread. A call of an hour with a segment for every second needs a fifth of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recording: its call, already checked, and its media as the manifest names it.

    Attributes:
        line: The row's first physical line in the manifest, counted from 1.
        call: The body of `POST /v2/calls`.
        media: The media's place, relative to the media root; None when the call has a downloadMediaUrl.
    """

    line: int
    call: dict[str, Any]
    media: str | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row that cannot be brought in as it is.

    Attributes:
        line: The row's first physical line in the manifest, counted from 1.
        client_unique_id: The call's clientUniqueId, where one could be read and can be printed.
        code: `row_malformed`, `call_invalid`, or the media's code.
        problems: What is wrong, field by field; an empty field means the row as a whole. In a CSV manifest
            a field is the column's own name; in a mapped one the field with its columns behind it.
        raw: The row as it stands in the manifest, without its last line end. Bytes that are not UTF-8 are
            kept as surrogates (PEP 383): write `original` to a file, never `raw`. Of a row of more than
            1 MiB only the beginning, which is itself too long to be read again by mistake.
    """

    line: int
    client_unique_id: str | None
    code: str
    problems: tuple[Problem, ...]
    raw: str

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
    """

    line: int
    call: Any
    media: str | None
    original: bytes
    name_in_manifest: Callable[[str], str] = str
    problems: tuple[Problem, ...] = ()

    def rejected(self, code: str, problems: tuple[Problem, ...]) -> RejectedRow:
        """Return this row as a rejected one."""
        return RejectedRow(
            line=self.line,
            client_unique_id=_client_unique_id(self.call),
            code=code,
            problems=tuple(Problem(self.name_in_manifest(each.field), each.message) for each in problems),
            raw=_text(self.original),
        )


def malformed(line: int, original: bytes, *problems: Problem) -> RejectedRow:
    """Return a row that could not be read at all."""
    return RejectedRow(line, None, "row_malformed", problems, _text(original))


def _client_unique_id(call: object) -> str | None:
    found = call.get("clientUniqueId") if isinstance(call, dict) else None
    return found if isinstance(found, str) and found.isprintable() else None


def _text(original: bytes) -> str:
    return original.decode("utf-8", "surrogateescape")
