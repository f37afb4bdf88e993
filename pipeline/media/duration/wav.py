"""WAV: by the bytes a second that its format tells, or by blocks where that may be wrong.

What tinytag does not know is what telephone systems write: A-law and µ-law without a count of samples, and
files whose recorder was switched off before it wrote how long they are.
"""

from __future__ import annotations

from pipeline.media.mp4 import ReadAt
from pipeline.media.wav import chunks

_FORMAT_BYTES = 20
# Microsoft's and IMA's ADPCM, and GSM: their blocks have a number of samples, behind which programs write as
# bytes a second what they would be without compression.
_IN_BLOCKS = frozenset({0x0002, 0x0011, 0x0031})


def duration_s(read_at: ReadAt, size_bytes: int) -> float | None:
    """Measure by the bytes that are there."""
    bytes_a_second = 0.0
    for name, start, told_bytes in chunks(read_at, size_bytes):
        if name == b"data":
            there_bytes = max(0, size_bytes - start)
            # 0 and 0xFFFFFFFF stand there while a recorder writes, and for ever if it was switched off.
            return min(told_bytes or there_bytes, there_bytes) / bytes_a_second if bytes_a_second else None
        if name == b"fmt ":
            bytes_a_second = _bytes_a_second(read_at(start, min(told_bytes, _FORMAT_BYTES)))
    return None


def _bytes_a_second(form: bytes) -> float:
    """Read a format (WAVEFORMATEX); 0 if it is none."""
    codec, rate_hz, told, block_bytes, block_samples = (
        int.from_bytes(form[start:end], "little")
        for start, end in ((0, 2), (4, 8), (8, 12), (12, 14), (18, 20))
    )
    if codec in _IN_BLOCKS and block_samples and block_bytes and rate_hz:
        return block_bytes * rate_hz / block_samples
    return float(told)
