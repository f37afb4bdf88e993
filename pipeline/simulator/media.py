"""What kind of media a file is, by its first bytes, and which content types fit it; pure.

The kinds are the ones that Gong names (WAV, MP3, MP4, MKV, FLAC) and their neighbours in telephony. A file of
an unknown kind is taken at its word, as long as that is audio or video: Gong, too, finds out later.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

# As many first bytes as the longest signature needs.
HEAD_BYTES = 16
MAX_MEDIA_BYTES = 1_500_000_000  # "You may attach files up to 1.5GB in size" (openapi.json)
ANY_FILE = ("application/octet-stream", "binary/octet-stream")

CONTENT_TYPES = {
    "wav": {"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"},
    "mp3": {"audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/x-mpeg"},
    "mp4": {
        *("audio/mp4", "video/mp4", "audio/m4a", "audio/x-m4a", "video/x-m4v", "video/quicktime"),
        *("audio/3gpp", "video/3gpp", "audio/3gpp2", "video/3gpp2"),
    },
    "mkv": {
        "audio/x-matroska",
        "video/x-matroska",
        "audio/matroska",
        "video/matroska",
        "audio/webm",
        "video/webm",
    },
    "flac": {"audio/flac", "audio/x-flac"},
    "ogg": {"audio/ogg", "video/ogg", "audio/opus", "audio/vorbis"},
    "aac": {"audio/aac", "audio/x-aac", "audio/aacp"},
    "amr": {"audio/amr", "audio/amr-wb"},
    "avi": {"video/x-msvideo", "video/avi", "video/msvideo"},
    "asf": {"audio/x-ms-wma", "video/x-ms-wmv", "video/x-ms-asf"},
}
EXTENSIONS = {
    *(".wav", ".mp3", ".mp4", ".m4a", ".m4v", ".mov", ".3gp", ".3g2", ".mkv", ".mka", ".webm", ".flac"),
    *(".ogg", ".oga", ".opus", ".aac", ".amr", ".avi", ".wma", ".wmv"),
}

# MP3 frames and AAC in ADTS both start with eleven set bits; the two layer bits are 0 in ADTS alone.
SIGNATURES: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("wav", lambda head: head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE"),
    ("avi", lambda head: head[:4] == b"RIFF" and head[8:12] == b"AVI "),
    ("mp4", lambda head: head[4:8] == b"ftyp"),
    ("mkv", lambda head: head[:4] == b"\x1a\x45\xdf\xa3"),
    ("flac", lambda head: head[:4] == b"fLaC"),
    ("ogg", lambda head: head[:4] == b"OggS"),
    ("amr", lambda head: head[:5] == b"#!AMR"),
    ("asf", lambda head: head[:4] == b"\x30\x26\xb2\x75"),
    ("mp3", lambda head: head[:3] == b"ID3"),
    ("aac", lambda head: head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0),
    (
        "mp3",
        lambda head: head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0,
    ),
)


def kind_of(head: bytes) -> str | None:
    """Return the kind of a file by its first `HEAD_BYTES`, None when it is unknown."""
    return next((kind for kind, matches in SIGNATURES if matches(head)), None)


def problem_with(content_type: str, file_name: str, head: bytes) -> str | None:
    """Say why a part's content type does not fit its content, None when it does.

    The rule is the one of `downloadMediaUrl` (`add-new-call.txt`): audio, video, or any file with the name of
    a supported type; and the type must be that of the content (`API.md`: MP4 is refused as audio/mpeg).
    """
    if content_type in ANY_FILE:
        extension = PurePosixPath(file_name).suffix.lower()
        return (
            None if extension in EXTENSIONS else f"The file name {file_name!r} names no supported media type"
        )
    if not content_type.startswith(("audio/", "video/")):
        return f"The content type {content_type} is neither audio nor video"
    kind = kind_of(head)
    if kind is None or content_type in CONTENT_TYPES[kind]:
        return None
    return f"The content type {content_type} does not fit the content of the media file, which is {kind}"
