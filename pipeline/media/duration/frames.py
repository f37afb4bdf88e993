"""AAC in ADTS, and AMR: frames of one length in time, and no header that counts them.

A short file's frames are counted. Of a long one those at the beginning are, and for AAC here and there: the
whole is as much longer as it has more bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.media.frames import RUN, SEARCHED_BYTES, adts_frame_bytes, tag_bytes
from pipeline.media.mp4 import ReadAt

COUNTED_BYTES = 1 << 17
PLACES, PLACE_BYTES = 16, 1 << 13

_ADTS_SAMPLES = 1024
_RATES_HZ = (
    96_000,
    88_200,
    64_000,
    48_000,
    44_100,
    32_000,
    24_000,
    22_050,
    16_000,
    12_000,
    11_025,
    8_000,
    7_350,
)
_AMR_FRAME_S = 0.02
# With the byte before each frame, by its type (3GPP TS 26.101, table A.1a, and 26.201, table A.1a).
_NARROW = (13, 14, 16, 18, 20, 21, 27, 32, 6, 7, 6, 6, 1, 1, 1, 1)
_WIDE = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1)


def adts_s(read_at: ReadAt, size_bytes: int) -> float | None:
    """Measure AAC in ADTS; None if it is not that."""
    start = tag_bytes(read_at(0, 10))
    first = _first_run(read_at(start, SEARCHED_BYTES + RUN * (1 << 13)))
    if first is None:
        return None
    start += first
    sound_bytes = size_bytes - start
    rate_hz = _RATES_HZ[read_at(start, 6)[2] >> 2 & 15]
    counted, counted_bytes = 0, 0
    for at, length in _places(start, sound_bytes):
        data = read_at(at, length)
        begin = _first_run(data)
        if begin is not None:
            count, end = _count(data, begin)
            counted, counted_bytes = counted + count, counted_bytes + end - begin
    frames = counted if sound_bytes <= COUNTED_BYTES else counted * sound_bytes / counted_bytes
    return frames * _ADTS_SAMPLES / rate_hz


def narrow_amr_s(read_at: ReadAt, size_bytes: int) -> float | None:
    """Measure AMR."""
    return _amr_s(read_at, size_bytes, len(b"#!AMR\n"), _NARROW)


def wide_amr_s(read_at: ReadAt, size_bytes: int) -> float | None:
    """Measure AMR-WB."""
    return _amr_s(read_at, size_bytes, len(b"#!AMR-WB\n"), _WIDE)


def _amr_s(read_at: ReadAt, size_bytes: int, start: int, frame_bytes: Sequence[int]) -> float | None:
    data = read_at(start, COUNTED_BYTES)
    count, at = 0, 0
    while at < len(data):
        at += frame_bytes[data[at] >> 3 & 15]
        count += 1
    return count * (size_bytes - start) / at * _AMR_FRAME_S if at else None


def _places(start: int, sound_bytes: int) -> list[tuple[int, int]]:
    """Say where to look: at all of it, or at a few places as far apart."""
    if sound_bytes <= COUNTED_BYTES:
        return [(start, sound_bytes)]
    return [(start + number * sound_bytes // PLACES, PLACE_BYTES) for number in range(PLACES)]


def _first_run(data: bytes) -> int | None:
    """Find the first frame that is followed by others."""
    start = data.find(0xFF)
    while 0 <= start < SEARCHED_BYTES:
        count, end = _count(data, start, at_most=RUN)
        if count == RUN or (count and end == len(data)):
            return start
        start = data.find(0xFF, start + 1)
    return None


def _count(data: bytes, start: int, *, at_most: int | None = None) -> tuple[int, int]:
    """Count the whole frames from `start` on, and give where they end."""
    count = 0
    while count != at_most:
        length = adts_frame_bytes(data[start : start + 6])
        if not length or start + length > len(data):
            break
        start += length
        count += 1
    return count, start
