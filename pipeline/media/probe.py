"""Looks at media before any request is made, and opens it as the stream that is sent.

A probe opens it and reads a few hundred bytes, not all of it. What is sent comes from the very opening that
was looked at.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import closing
from dataclasses import dataclass

from pipeline.errors import MediaRefused
from pipeline.media.access import Access
from pipeline.media.duration import duration_of
from pipeline.media.kind import ENDINGS, Kind, kind_of
from pipeline.media.source import Opened, shown
from pipeline.media.sources import open_source
from pipeline.media.stream import MediaStream
from pipeline.media.wav import sound_bytes

MAX_MEDIA_BYTES = 1_500_000_000  # API.md: at most 1.5 GB
FILE_NAME_MAX_CHARACTERS = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Media:
    """Media that was looked at and may be sent.

    Attributes:
        reference: Path or address, as the recording names it.
        file_name: For the upload: plain ASCII, with the ending that fits `content_type`.
        size_bytes: 1 to `MAX_MEDIA_BYTES`.
        content_type: By content, not by name.
        fingerprint: Differs as soon as the content does.
        duration_s: By the headers alone; None where they do not say, or nobody asked.
    """

    reference: str
    file_name: str
    size_bytes: int
    content_type: str
    fingerprint: str
    duration_s: float | None = None


def probe(reference: str, access: Access, *, measured: bool = False) -> Media:
    """Look at media: that it is there, its size and its kind.

    Args:
        reference: A path, or an address with a scheme of `SOURCES`.
        access: What may be read, and with what.
        measured: Find its duration too, where that costs little.

    Raises:
        MediaRefused: `media_missing`, `media_empty`, `media_too_large`, `media_unreadable`, `media_changed`,
            `media_kind`, `media_outside_roots`, `media_address_forbidden`, `media_source_missing` or
            `media_scheme_unknown`.
        MediaUnavailable: The place where it lies does not answer.
    """
    with closing(open_source(reference, access)) as opened:
        return _looked_at(reference, opened, measured=measured)


def open_media(reference: str, access: Access) -> tuple[Media, MediaStream]:
    """Look at media, and open it to be read once: what is looked at and what is read are one opening.

    Raises:
        MediaRefused: As `probe`.
        MediaUnavailable: The place where it lies does not answer.
    """
    opened = open_source(reference, access)
    try:
        return _looked_at(reference, opened), MediaStream(reference, opened)
    except BaseException:
        opened.close()
        raise


def safe_file_name(name: str, kind: Kind) -> str:
    """Return a name that is safe in a multipart header and ends as `kind` wants; accents are dropped."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    safe = _UNSAFE.sub("_", plain).strip("._") or "recording"
    before, dot, ending = safe.rpartition(".")
    stem = before if dot + ending.lower() in ENDINGS else safe
    return stem[: FILE_NAME_MAX_CHARACTERS - len(kind.ending)] + kind.ending


def _looked_at(reference: str, opened: Opened, *, measured: bool = False) -> Media:
    _refuse_size(reference, opened.size_bytes)
    kind = kind_of(opened.read_at, opened.size_bytes)
    if kind is None:
        raise MediaRefused("media_kind", _unknown_kind(reference))
    if kind.ending == ".wav":
        _refuse_silent(reference, sound_bytes(opened.read_at, opened.size_bytes))
    return Media(
        reference=reference,
        file_name=safe_file_name(opened.name, kind),
        size_bytes=opened.size_bytes,
        content_type=kind.content_type,
        fingerprint=opened.fingerprint,
        duration_s=duration_of(opened.read_at, opened.size_bytes) if measured else None,
    )


def _refuse_size(reference: str, size_bytes: int) -> None:
    if not size_bytes:
        raise MediaRefused("media_empty", f"The media {shown(reference)} is empty; bring the recording anew.")
    if size_bytes > MAX_MEDIA_BYTES:
        raise MediaRefused(
            "media_too_large",
            f"The media {shown(reference)} has {size_bytes:,} bytes, and Gong takes {MAX_MEDIA_BYTES:,}; "
            "compress it or cut it.",
        )


def _refuse_silent(reference: str, sound: int | None) -> None:
    """Refuse a WAV that is only a header: Gong would create the call, take the media and drop both."""
    if sound is None:
        raise MediaRefused("media_kind", _unknown_kind(reference))
    if not sound:
        raise MediaRefused(
            "media_empty",
            f"The media {shown(reference)} is a WAV header without sound; bring the recording anew.",
        )


def _unknown_kind(reference: str) -> str:
    return (
        f"The media {shown(reference)} is neither audio nor video by its content, or was cut off while "
        "recorded; check that it plays, or convert it to WAV, MP3, MP4, MKV or FLAC."
    )
