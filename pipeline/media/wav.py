"""The sound of a WAV file: whether there is any, which its first bytes do not tell.

Reads the headers of chunks (RIFF; RF64 and BW64 by EBU Tech 3306), wherever in the file they lie, and nothing
of the sound. A file that was cut off, or whose recorder never wrote the lengths, plays as far as it goes, so
it is taken; one without format or without a single byte of sound cannot be played by anybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.media.mp4 import ReadAt

CHUNKS_MAX = 4096  # of one file: far beyond any recording, and an end for one made to be read for ever
_HEADER_BYTES = 12  # RIFF, length, WAVE
_FORMAT_MIN_BYTES = 14  # what a format says at least: codec, channels, rates, block


def sound_bytes(read_at: ReadAt, size_bytes: int) -> int | None:
    """Return how many bytes of sound there are; None if there is no format or no place for sound."""
    has_format = False
    for name, start, length in chunks(read_at, size_bytes):
        if name == b"fmt ":
            has_format = length >= _FORMAT_MIN_BYTES
        if name == b"data":
            return _length_of_sound(read_at, size_bytes, start, length) if has_format else None
    return None


def _length_of_sound(read_at: ReadAt, size_bytes: int, start: int, length: int) -> int:
    there = max(0, size_bytes - start)
    if length == 0 and int.from_bytes(read_at(4, 4), "little") != size_bytes - 8:
        # The recorder was stopped before it wrote any length: the sound goes to the end.
        return there
    return min(length, there)


def chunks(read_at: ReadAt, size_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Give name, start of the content and length as written of each chunk."""
    start = _HEADER_BYTES
    for _ in range(CHUNKS_MAX):
        header = read_at(start, 8)
        if start + 8 > size_bytes or len(header) < 8:
            return
        length = int.from_bytes(header[4:8], "little")
        yield header[:4], start + 8, length
        # A chunk of odd length is followed by a byte that fills it up.
        start += 8 + length + length % 2
