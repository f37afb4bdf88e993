"""Looks at media before any request is made, and opens it as the stream that is sent.

A probe opens it and reads a few hundred bytes, not all of it. That the bytes sent later are those of the file
probed is settled by the fingerprint.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.errors import MediaRefused
from pipeline.media.kind import ENDINGS, Kind, kind_of
from pipeline.media.local import open_local
from pipeline.media.source import Opened, Source
from pipeline.media.stream import MediaStream, changed
from pipeline.media.wav import sound_bytes

MAX_MEDIA_BYTES = 1_500_000_000  # API.md: at most 1.5 GB
FILE_NAME_MAX_CHARACTERS = 100

SOURCES: Mapping[str, Source] = {"": open_local}
"""By the scheme of a reference; a path has none."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Media:
    """Media that was looked at and may be sent.

    Attributes:
        reference: Path or address, as the recording names it.
        file_name: For the upload: plain ASCII, with the ending that fits `content_type`.
        size_bytes: 1 to `MAX_MEDIA_BYTES`.
        content_type: By content, not by name.
        fingerprint: Differs as soon as the content does.
    """

    reference: str
    file_name: str
    size_bytes: int
    content_type: str
    fingerprint: str


def probe(reference: str, roots: Sequence[Path]) -> Media:
    """Look at media: that it is there, its size and its kind.

    Args:
        reference: A path, or an address with a scheme of `SOURCES`.
        roots: Folders below which local media may lie, in the order in which they are tried.

    Raises:
        MediaRefused: `media_missing`, `media_empty`, `media_too_large`, `media_unreadable`, `media_kind`,
            `media_outside_roots` or `media_scheme_unknown`.
        MediaUnavailable: The place where it lies does not answer.
    """
    with closing(_open(reference, roots)) as opened:
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
        )


def open_media(media: Media, roots: Sequence[Path]) -> MediaStream:
    """Open what was probed, to be read once.

    Raises:
        MediaRefused: As `probe`, or `media_changed` when it is not what was probed.
        MediaUnavailable: The place where it lies does not answer.
    """
    opened = _open(media.reference, roots)
    if opened.fingerprint != media.fingerprint:
        opened.close()
        raise changed(media.reference, "since it was looked at")
    return MediaStream(media.reference, opened)


def safe_file_name(name: str, kind: Kind) -> str:
    """Return a name that is safe in a multipart header and ends as `kind` wants; accents are dropped."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    path = PurePosixPath(re.sub(r"[^A-Za-z0-9._-]+", "_", plain).strip("._") or "recording")
    stem = path.stem if path.suffix.lower() in ENDINGS else path.name
    return stem[: FILE_NAME_MAX_CHARACTERS - len(kind.ending)] + kind.ending


def _open(reference: str, roots: Sequence[Path]) -> Opened:
    match = _SCHEME.match(reference)
    scheme = match[1].lower() if match else ""
    if scheme not in SOURCES:
        known = ", ".join(f"{known}://" if known else "paths of local files" for known in SOURCES)
        raise MediaRefused(
            "media_scheme_unknown",
            f"The media {reference!r} has the scheme {scheme}://, which is not supported; use {known}.",
        )
    return SOURCES[scheme](reference, roots)


def _refuse_size(reference: str, size_bytes: int) -> None:
    if not size_bytes:
        raise MediaRefused("media_empty", f"The media {reference!r} is empty; bring the recording anew.")
    if size_bytes > MAX_MEDIA_BYTES:
        raise MediaRefused(
            "media_too_large",
            f"The media {reference!r} has {size_bytes:,} bytes, and Gong takes {MAX_MEDIA_BYTES:,}; "
            "compress it or cut it.",
        )


def _refuse_silent(reference: str, sound: int | None) -> None:
    """Refuse a WAV that is only a header: Gong would create the call, take the media and drop both."""
    if sound is None:
        raise MediaRefused("media_kind", _unknown_kind(reference))
    if not sound:
        raise MediaRefused(
            "media_empty", f"The media {reference!r} is a WAV header without sound; bring the recording anew."
        )


def _unknown_kind(reference: str) -> str:
    return (
        f"The media {reference!r} is neither audio nor video by its content, or was cut off while recorded; "
        "check that it plays, or convert it to WAV, MP3, MP4, MKV or FLAC."
    )
