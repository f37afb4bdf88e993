"""How long a recording is, by its headers alone.

Told of WAV, MP3, AAC, AMR, MP4 and 3GP (also in fragments), QuickTime, Matroska and WebM, FLAC, Ogg, AVI,
AIFF, AU and WMA; of others it is not known. What no header says is estimated from frames at the beginning,
and here and there: AAC, AMR, and an MP3 whose encoder left no count of its frames are about right. Read here,
and not by tinytag, is what tinytag does not know, knows wrongly, or reads the whole file for.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, cast

from tinytag import TinyTag, TinyTagException

from pipeline.errors import MediaRefused
from pipeline.media import matroska
from pipeline.media.duration import avi, fragments, frames, ogg, sun, wav
from pipeline.media.mp4 import ReadAt

READ_MAX_BYTES = 1 << 20
"""No header is longer. One that says that it is is broken, and must not be read into memory whole."""

DURATION_MAX_S = 7 * 86_400.0
"""No recording is longer; a header that says so is damaged."""

Measure = Callable[[ReadAt, int], float | None]

# First match counts: each is what has to stand at which offset.
_MEASURES: tuple[tuple[tuple[tuple[int, bytes], ...], Measure], ...] = (
    *((((0, mark), (8, b"WAVE")), wav.duration_s) for mark in (b"RIFF", b"RF64", b"BW64")),
    (((0, b"RIFF"), (8, b"AVI ")), avi.duration_s),
    (((0, b"OggS"),), ogg.duration_s),
    (((0, b"\x1a\x45\xdf\xa3"),), matroska.duration_s),
    (((0, b"#!AMR\n"),), frames.narrow_amr_s),
    (((0, b"#!AMR-WB\n"),), frames.wide_amr_s),
    (((0, b".snd"),), sun.duration_s),
)


def duration_of(read_at: ReadAt, size_bytes: int) -> float | None:
    """Return how long a recording is in seconds; None where its headers do not say.

    Raises:
        MediaUnavailable: It cannot be read now.
    """
    try:
        duration_s = _measured_s(read_at, size_bytes)
    except MediaRefused:  # it would take too many parts of what lies far away
        return None
    return duration_s if duration_s is None or duration_s <= DURATION_MAX_S else None


def _measured_s(read_at: ReadAt, size_bytes: int) -> float | None:
    head = read_at(0, 16)
    for places, measure in _MEASURES:
        if all(head.startswith(mark, offset) for offset, mark in places):
            return measure(read_at, size_bytes)
    adts_s = frames.adts_s(read_at, size_bytes)
    return adts_s if adts_s is not None else _by_its_tag(read_at, size_bytes, head)


def _by_its_tag(read_at: ReadAt, size_bytes: int, head: bytes) -> float | None:
    try:
        tag = TinyTag.get(file_obj=cast("BinaryIO", _Parts(read_at, size_bytes)), tags=False)
    except TinyTagException:
        return None
    # 0 is what an MP4 in fragments says.
    if not tag.duration and head[4:8] == b"ftyp":
        return fragments.duration_s(read_at, size_bytes)
    return tag.duration or None


class _Parts(io.RawIOBase):
    """Media as a file of which no more is read at once than a header has."""

    def __init__(self, read_at: ReadAt, size_bytes: int) -> None:
        self._read_at = read_at
        self._size_bytes = size_bytes
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """Read on, at most `READ_MAX_BYTES`."""
        block = self._read_at(self._at, size if 0 <= size < READ_MAX_BYTES else READ_MAX_BYTES)
        self._at += len(block)
        return block

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere."""
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size_bytes}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def tell(self) -> int:
        """Say where it is."""
        return self._at
