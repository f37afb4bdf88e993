"""What every place that media may lie in has to offer: to be opened, looked at again, and linked if it can.

A source raises MediaRefused for what is wrong with the media, MediaUnavailable for its place, nothing else.
No text of theirs shows what stands in an address behind its path: signatures and tokens do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from pipeline.errors import MediaRefused
from pipeline.media.access import Access
from pipeline.settings.address import scheme_of

_BEHIND_PATH = re.compile("[?#]")


class Opened(Protocol):
    """Media opened at its source. What is probed, hashed and sent comes from this one opening."""

    @property
    def name(self) -> str:
        """The last part of the path or address, as it is there."""

    @property
    def size_bytes(self) -> int:
        """The size when it was opened."""

    @property
    def fingerprint(self) -> str:
        """Text that differs as soon as the content does, as it was when it was opened."""

    def read(self, size: int) -> bytes:
        """Read on, at most `size` bytes; empty only at the end."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Read from `offset`, `size` bytes or as many as there are; does not move where `read` reads on."""

    def fingerprint_now(self) -> str:
        """Look again, under the same reference: what `fingerprint` would be if it were opened now."""

    def close(self) -> None:
        """Let go of it; may be called twice."""


@dataclass(frozen=True, slots=True)
class Source:
    """A sort of place.

    Attributes:
        open: Opens a reference.
        sign: Gives an address under which anybody may read the media until its lifetime ends; None where the
            place cannot give one.
    """

    open: Callable[[str, Access], Opened]
    sign: Callable[[str, Access], str] | None = None


def shown(reference: str) -> str:
    """Return a reference as it may stand in a sentence: quoted, without a user, a web address to its path."""
    scheme = scheme_of(reference)
    if not scheme:
        return repr(reference)
    rest, cut = reference.partition("://")[2], ""
    if scheme in {"http", "https"} and (found := _BEHIND_PATH.search(rest)):
        rest, cut = rest[: found.start()], f"{found[0]}…"
    place, slash, path = rest.partition("/")
    return repr(f"{scheme}://{place.rpartition('@')[2]}{slash}{path}{cut}")


def refuse_dots(reference: str, path: str) -> None:
    """Refuse a path with a part that may mean another folder to whoever reads it, however it is encoded.

    Some servers take away what stands behind a semicolon before they follow the dots.

    Raises:
        MediaRefused: `media_unreadable`.
    """
    plain, before = path, ""
    while plain != before:
        plain, before = unquote(plain), plain
    parts = {part.partition(";")[0] for part in plain.replace("\\", "/").split("/")}
    if not {".", ".."}.isdisjoint(parts):
        raise MediaRefused(
            "media_unreadable",
            f"The address {shown(reference)} has '.' or '..' for a part of its path; write where it leads.",
        )


def refuse_odd_text(reference: str) -> None:
    """Refuse what no path and no address may hold.

    Raises:
        MediaRefused: `media_unreadable`: a NUL, another control character, or no text at all.
    """
    if "\0" in reference:
        raise MediaRefused(
            "media_unreadable", f"The path {shown(reference)} contains a NUL character; correct it."
        )
    try:
        reference.encode()
    except UnicodeEncodeError:
        raise MediaRefused(
            "media_unreadable",
            f"The path {shown(reference)} is not text in UTF-8; correct it or rename the file.",
        ) from None
