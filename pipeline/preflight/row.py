"""One row looked at: its call by the check of the workers, its media by their probe.

Invariants: everything that is wrong with a row is found at once, its media looked at even where its call is
refused. Nothing is remembered from row to row but media that was looked at a moment ago.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.job import job_id_of
from pipeline.manifest.reader import problems_of_call
from pipeline.manifest.row import RejectedRow, UncheckedRow, hash_of
from pipeline.media import Access, MayLink, may_link, probe, shown
from pipeline.preflight.finding import Finding
from pipeline.preflight.twins import Mark, Marked, Sort

SHORT_S = 30.0
"""Gong takes shorter recordings and discards them without a word (API.md)."""
_MEDIA_REMEMBERED = 1024
_URL = "downloadMediaUrl"


class Looked(NamedTuple):
    """What one row came to.

    Attributes:
        job_id: That of the job that it would be; None where it would be none.
        marked: What its twins are told by; None where nothing could be read.
        refused_id: That of the job that it would be, if nothing but its media were wrong.
    """

    findings: list[Finding]
    job_id: str | None
    marked: Marked | None
    refused_id: str | None = None


class _Media(NamedTuple):
    """What media came to.

    Attributes:
        file: Which file it is, by whatever name; None where that could not be told.
        problem: What is wrong with it, as code and sentence.
        duration_s: None where that is not known.
    """

    file: str | None
    problem: tuple[str, str] | None = None
    duration_s: float | None = None


class RowCheck:
    """Looks at rows."""

    def __init__(
        self, access: Access | None, *, links: bool = False, can_link: MayLink | None = None
    ) -> None:
        """Look at media that may be read so; with None it is not looked at.

        With `links` Gong pulls the media from where that can be, and other media is told. Without `can_link`
        it can be from where media may be read.
        """
        self._access = access
        self._links = links
        self._can_link = can_link or partial(may_link, access=access or Access())
        # Some manifests have the same file in many rows; each would be opened and read again.
        self._media = lru_cache(_MEDIA_REMEMBERED)(self._look_at)

    def look(self, row: UncheckedRow | RejectedRow, line: int) -> Looked:
        """Look at a row; `line` is its first in the manifest, whatever the row says."""
        if isinstance(row, RejectedRow):
            return Looked(list(_of_rejected(row, line)), None, None)
        call = row.call if isinstance(row.call, dict) else {}
        own_id = call.get("clientUniqueId")
        media = self._media(row.media) if row.media is not None else None
        findings: list[Finding] = []
        problems = problems_of_call(row)
        if problems:
            findings += _of_rejected(row.rejected("call_invalid", problems), line)
            own_id = _sendable(own_id) if isinstance(own_id, str) else None
        findings += _of_media(call, media, line)
        can_link = row.media is not None and self._can_link(row.media)
        has_upload = row.media is not None and not (self._links and can_link)
        accepted = not findings or all(finding.is_warning for finding in findings)
        if self._links and has_upload and accepted:
            sentence = _not_linked(row.media)
            findings.append(Finding(line, _printable(call), "media_not_linked", "media", sentence))
        job_id = job_id_of(own_id) if own_id else None
        own_id, place, marks = _marks(row, job_id, media)
        marked = Marked(line, accepted, has_upload, has_upload and can_link, own_id, place, marks)
        if accepted:
            return Looked(findings, job_id, marked)
        return Looked(findings, None, marked, None if problems else job_id)

    def _look_at(self, reference: str) -> _Media:
        if self._access is None:
            return _Media(_sendable(reference))
        try:
            media = probe(reference, self._access, measured=True)
        except MediaRefused as refused:
            return _Media(None, (refused.code, str(refused)))
        except MediaUnavailable as unavailable:
            return _Media(None, ("media_unavailable", str(unavailable)))
        duration_s = media.duration_s
        if duration_s is None or duration_s >= SHORT_S:
            return _Media(media.fingerprint, None, duration_s)
        sentence = f"The media {shown(reference)} is {_seconds(duration_s)} long; {_DISCARDED}"
        return _Media(media.fingerprint, ("media_short", sentence), duration_s)


_DISCARDED = f"Gong takes recordings shorter than {SHORT_S:.0f} s and discards them without a word."


def _of_media(call: dict[str, Any], media: _Media | None, line: int) -> Iterator[Finding]:
    """Yield what is wrong with the media, or what the call says of its duration where the media does not."""
    if media and media.problem:
        code, sentence = media.problem
        yield Finding(line, _printable(call), code, "media", sentence)
    elif media is None or media.duration_s is None:
        told = call.get("duration")
        if isinstance(told, int | float) and not isinstance(told, bool) and 0 < told < SHORT_S:
            message = f"says that the recording is {_seconds(told)} long; {_DISCARDED}"
            yield Finding(line, _printable(call), "media_short", "duration", message)


def _marks(row: UncheckedRow, job_id: str | None, media: _Media | None) -> tuple[str, str, list[Mark]]:
    """Return what a row is called and where its media lies, and what its twins are told by."""
    marks = []
    call = row.call if isinstance(row.call, dict) else {}
    of_id = bytes.fromhex(job_id) if job_id else b""
    if job_id:
        marks.append(Mark(Sort.ID, of_id, hash_of(row.original)))
    if media and media.file:
        marks.append(Mark(Sort.MEDIA, _hash(b"file", media.file.encode()), of_id))
    url = call.get(_URL)
    if isinstance(url, str):
        marks.append(Mark(Sort.URL, _hash(b"url", _sendable(url).encode()), of_id))
    own_id = str(call["clientUniqueId"]) if job_id else ""
    place = row.media or (url if isinstance(url, str) else "")
    return own_id, place, marks


def _not_linked(reference: str | None) -> str:
    return (
        f"The media {shown(reference or '')} lies where no link to it can be given, so it is uploaded; that "
        "takes two requests instead of one."
    )


def _of_rejected(row: RejectedRow, line: int) -> Iterator[Finding]:
    for problem in row.problems:
        yield Finding(line, row.client_unique_id, row.code, problem.field, problem.message)


def _seconds(duration_s: float) -> str:
    return f"about {math.floor(duration_s)} s" if duration_s >= 1 else "less than a second"


def _printable(call: dict[str, Any]) -> str | None:
    given_id = call.get("clientUniqueId")
    return given_id if isinstance(given_id, str) and given_id.isprintable() else None


def _sendable(text: str) -> str:
    """Return a text that has a form in UTF-8, whatever it was; no two texts become one."""
    return text if _is_text(text) else ascii(text)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _hash(of: bytes, content: bytes) -> bytes:
    """Hash what rows may have in common; `of` tells it from all else that they may."""
    return hashlib.blake2b(content, digest_size=12, person=of).digest()
