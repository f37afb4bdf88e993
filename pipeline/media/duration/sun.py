"""AU, the audio of Sun and NeXT, which voice mail systems write: its header tells the form of a sample."""

from __future__ import annotations

import struct

from pipeline.media.mp4 import ReadAt

_SAMPLE_BYTES = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # by encoding: µ-law, linear, floats, A-law
_UNKNOWN = 0xFFFF_FFFF


def duration_s(read_at: ReadAt, size_bytes: int) -> float | None:
    """Measure by the bytes that are there."""
    head = read_at(4, 20)
    if len(head) < 20:
        return None
    start, told_bytes, encoding, rate_hz, channels = struct.unpack(">5I", head)
    bytes_a_second = _SAMPLE_BYTES.get(encoding, 0) * rate_hz * channels
    there_bytes = max(0, size_bytes - start)
    sound_bytes = there_bytes if told_bytes == _UNKNOWN else min(told_bytes, there_bytes)
    return sound_bytes / bytes_a_second if bytes_a_second else None
