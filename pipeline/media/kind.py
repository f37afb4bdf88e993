"""The kind of media by its content, never by its name: content type and the ending that fits it.

A table of our own instead of a library: one that knows a thousand formats missed MP3 at telephone rates and
could not tell audio in MP4 from video, and Gong refuses what does not fit (`API.md`: AAC in MP4 is
`audio/mp4` and `.m4a`). Whether Gong takes a kind of audio or video at all is left to Gong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.media.frames import (
    RUN,
    SEARCHED_BYTES,
    adts_frame_bytes,
    holds_frames,
    mpeg_frame_bytes,
    tag_bytes,
)
from pipeline.media.matroska import PICTURE, SOUND, document_type, track_types
from pipeline.media.mp4 import ReadAt, track_handlers

HEAD_BYTES = 1024
_LONGEST_FRAME_BYTES = 8192  # of ADTS: 13 bits


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is: its content type and the ending of a fitting name, with the dot."""

    content_type: str
    ending: str


MP3 = Kind("audio/mpeg", ".mp3")
AAC = Kind("audio/aac", ".aac")
FLAC = Kind("audio/flac", ".flac")
MP4_AUDIO = Kind("audio/mp4", ".m4a")
MP4_VIDEO = Kind("video/mp4", ".mp4")
QUICKTIME = Kind("video/quicktime", ".mov")
MOBILE_AUDIO = Kind("audio/3gpp", ".3gp")
MOBILE_VIDEO = Kind("video/3gpp", ".3gp")
WEBM = Kind("video/webm", ".webm")
WEBM_AUDIO = Kind("audio/webm", ".webm")
MATROSKA = Kind("video/x-matroska", ".mkv")

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")

# First match counts: each is what has to stand at which offset.
_SIGNATURES: tuple[tuple[tuple[tuple[int, bytes], ...], Kind], ...] = (
    (((0, b"RIFF"), (8, b"WAVE")), Kind("audio/wav", ".wav")),
    (((0, b"RF64"), (8, b"WAVE")), Kind("audio/wav", ".wav")),
    (((0, b"BW64"), (8, b"WAVE")), Kind("audio/wav", ".wav")),
    (((0, b"RIFF"), (8, b"AVI ")), Kind("video/x-msvideo", ".avi")),
    (((0, b"fLaC"),), FLAC),
    (((0, b"OggS"), (28, b"\x80theora")), Kind("video/ogg", ".ogv")),
    (((0, b"OggS"),), Kind("audio/ogg", ".ogg")),
    (((0, b"#!AMR\n"),), Kind("audio/amr", ".amr")),
    (((0, b"#!AMR-WB\n"),), Kind("audio/amr-wb", ".awb")),
    (((0, b"FORM"), (8, b"AIF")), Kind("audio/aiff", ".aiff")),
    (((0, b".snd\0\0\0"),), Kind("audio/basic", ".au")),
    (((0, b"caff\0\x01"),), Kind("audio/x-caf", ".caf")),
    (((0, b"FLV\x01"),), Kind("video/x-flv", ".flv")),
    (((0, b"\0\0\x01\xba"),), Kind("video/mpeg", ".mpg")),
    (
        ((0, b"\x47"), (188, b"\x47"), (376, b"\x47"), (564, b"\x47"), (752, b"\x47")),
        Kind("video/mp2t", ".ts"),
    ),
)

ENDINGS = frozenset(
    {kind.ending for _, kind in _SIGNATURES}
    | {MP3.ending, AAC.ending, MP4_AUDIO.ending, MP4_VIDEO.ending, QUICKTIME.ending, MOBILE_VIDEO.ending}
    | {WEBM.ending, MATROSKA.ending, ".wma", ".wmv"}
    | {".wave", ".mpeg", ".mpga", ".m4v", ".m4b", ".mka", ".oga", ".opus", ".aif", ".aifc", ".3g2"}
)
"""Endings that say a kind of media, so that a wrong one is replaced and not kept beside the right one."""


def kind_of(read_at: ReadAt, size_bytes: int) -> Kind | None:
    """Return the kind of media, None if it is neither audio nor video or can't be played.

    Reads a few hundred bytes of most kinds, some thousand of MPEG audio, and the index of an MP4.
    """
    head = read_at(0, HEAD_BYTES)
    if head[4:8] == b"ftyp":
        return _mp4_kind(head[8:12], track_handlers(read_at, size_bytes))
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _matroska_kind(document_type(read_at, size_bytes), track_types(read_at, size_bytes))
    if head.startswith(_ASF):
        video = _ASF_VIDEO in read_at(0, 8 * HEAD_BYTES)
        return Kind("video/x-ms-wmv", ".wmv") if video else Kind("audio/x-ms-wma", ".wma")
    tagged_bytes = tag_bytes(head)
    if not tagged_bytes:
        for places, kind in _SIGNATURES:
            if all(head.startswith(mark, offset) for offset, mark in places):
                return kind
    return _frames_kind(read_at, size_bytes, tagged_bytes)


def _mp4_kind(brand: bytes, handlers: frozenset[bytes]) -> Kind | None:
    """Choose by the tracks; without their index a file was cut off while recorded and can't be played."""
    if handlers.isdisjoint({b"vide", b"soun"}):
        return None
    video = b"vide" in handlers
    if brand == b"qt  ":
        return QUICKTIME
    if brand.startswith((b"3gp", b"3g2")):
        return MOBILE_VIDEO if video else MOBILE_AUDIO
    return MP4_VIDEO if video else MP4_AUDIO


def _matroska_kind(document: bytes, types: frozenset[int]) -> Kind | None:
    """Choose by the name of the form and by the tracks, as far as they are told.

    MKV is what Gong documents, so Matroska is that without a picture too, and not MKA.
    """
    if types and types.isdisjoint({PICTURE, SOUND}):
        return None
    webm = WEBM if PICTURE in types or not types else WEBM_AUDIO
    return {b"webm": webm, b"matroska": MATROSKA}.get(document)


def _frames_kind(read_at: ReadAt, size_bytes: int, start: int) -> Kind | None:
    """Look for a run of frames from `start`, where a tag ends; with a tag and no run, take it for MP3."""
    data = read_at(start, SEARCHED_BYTES + RUN * _LONGEST_FRAME_BYTES)
    if start and data.startswith(b"fLaC"):
        return FLAC
    whole = start + len(data) >= size_bytes
    measures: tuple[tuple[Callable[[bytes], int], Kind], ...] = (
        (adts_frame_bytes, AAC),
        (mpeg_frame_bytes, MP3),
    )
    untold = MP3 if start and data else None
    return next((kind for measure, kind in measures if holds_frames(data, measure, whole=whole)), untold)
