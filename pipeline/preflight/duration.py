"""How long a recording is, by its headers alone.

Told of WAV, MP3, MP4, AAC in MP4, FLAC, Ogg, AIFF and WMA; of others it is not known. An MP3 whose encoder
left no count of its frames is measured by its bit rate, so it is about right. WAV is read here and not by
tinytag, which knows no length of what telephone systems write: A-law and µ-law without a count of samples,
and files whose recorder was switched off before it wrote how long they are.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, cast

from tinytag import TinyTag, TinyTagException

READ_MAX_BYTES = 1 << 20
"""No header is longer. One that says that it is is broken, and must not be read into memory whole."""

_WAV = (b"RIFF", b"RF64", b"BW64")
_CHUNKS_MAX = 100
_BYTES_A_SECOND_AT = 8  # within the chunk "fmt "


def duration_of(path: Path) -> float | None:
    """Return how long a recording is in seconds; None where its headers do not say.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] in _WAV and head[8:] == b"WAVE":
            return _of_wav(file)
        file.seek(0)
        try:
            tag = TinyTag.get(file_obj=cast("BinaryIO", _Bounded(file)), tags=False)
        except TinyTagException:
            return None
    # 0 is what an MP4 in fragments says.
    return tag.duration or None


def _of_wav(file: BinaryIO) -> float | None:
    """Measure by the bytes a second, which every form of WAV has, and the bytes that are there."""
    bytes_a_second = 0
    for _ in range(_CHUNKS_MAX):
        name, size = file.read(4), file.read(4)
        size_bytes = int.from_bytes(size, "little")
        begin = file.tell()
        if len(size) < 4 or (name == b"data" and not bytes_a_second):
            return None
        if name == b"data":
            there_bytes = file.seek(0, os.SEEK_END) - begin
            # 0 and 0xFFFFFFFF stand there while a recorder writes, and for ever if it was switched off.
            return min(size_bytes or there_bytes, there_bytes) / bytes_a_second
        if name == b"fmt ":
            bytes_a_second = int.from_bytes(
                file.read(16)[_BYTES_A_SECOND_AT : _BYTES_A_SECOND_AT + 4], "little"
            )
        file.seek(begin + size_bytes + size_bytes % 2)  # chunks are padded to an even length
    return None


class _Bounded:
    """A file of which no more is read at once than a header has."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self._read = file.seek, file.tell, file.read

    def read(self, size: int = -1) -> bytes:
        """Read on, at most `READ_MAX_BYTES`."""
        return self._read(size if 0 <= size < READ_MAX_BYTES else READ_MAX_BYTES)
