"""Frames of MPEG audio: what MP3 (with and without tags) and AAC in ADTS consist of.

A frame's header has only 12 fixed bits, which any data may hold by chance. So a run of frames is asked for,
each where the one before says that it ends. Layouts: ISO/IEC 11172-3, 13818-3 (MPEG audio), 13818-7 (ADTS).
"""

from __future__ import annotations

from collections.abc import Callable

RUN = 3  # frames in a row: 36 fixed bits and as many agreeing lengths
SEARCHED_BYTES = 4096  # how far a cut recording's first whole frame, or padding, is looked past

# Kilobits a second by bitrate index 1 to 14, for the five pairs of version and layer that differ.
_V1_LAYER1 = (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)
_V1_LAYER2 = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_V1_LAYER3 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_V2_LAYER1 = (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
_V2_LAYER23 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_HZ = (44_100, 48_000, 32_000)


def mpeg_frame_bytes(header: bytes) -> int:
    """Return the length of the MPEG audio frame that starts with these 4 bytes; 0 if none does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)  # version: 3 is MPEG 1, 2 is 2, 0 is 2.5
    bitrate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return 0
    rate_hz = _RATES_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits_per_s = _bitrates(version, layer)[bitrate - 1] * 1000
    padding = header[2] >> 1 & 1
    if layer == 1:
        return (12 * bits_per_s // rate_hz + padding) * 4
    halved = layer == 3 and version != 3
    return (72 if halved else 144) * bits_per_s // rate_hz + padding


def adts_frame_bytes(header: bytes) -> int:
    """Return the length of the ADTS frame that starts with these 6 bytes; 0 if none does."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 15 > 12:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length >= 7 else 0


def holds_frames(data: bytes, frame_bytes: Callable[[bytes], int], *, whole: bool) -> bool:
    """Tell whether `RUN` frames follow each other within `data`, from its start or a little later.

    Args:
        data: The beginning of the audio.
        frame_bytes: Measures the frame that starts with the bytes given.
        whole: `data` is all there is, so that a run may end where the data does.
    """
    start = data.find(0xFF)
    while 0 <= start < SEARCHED_BYTES:
        if _is_run(data, start, frame_bytes, whole=whole):
            return True
        start = data.find(0xFF, start + 1)
    return False


def tag_bytes(head: bytes) -> int:
    """Return the length of an ID3v2 tag (id3.org, ID3v2.4 section 3.1), 0 if there is none."""
    if len(head) < 10 or head[:3] != b"ID3" or 0xFF in head[3:5] or any(byte & 0x80 for byte in head[6:10]):
        return 0
    content_bytes = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    footer_bytes = 10 if head[5] & 0x10 else 0
    return 10 + content_bytes + footer_bytes


def _is_run(data: bytes, start: int, frame_bytes: Callable[[bytes], int], *, whole: bool) -> bool:
    for _ in range(RUN):
        length = frame_bytes(data[start : start + 6])
        if not length:
            return False
        start += length
        if start >= len(data):
            return whole and start == len(data)
    return True


def _bitrates(version: int, layer: int) -> tuple[int, ...]:
    if version == 3:
        return (_V1_LAYER1, _V1_LAYER2, _V1_LAYER3)[layer - 1]
    return _V2_LAYER1 if layer == 1 else _V2_LAYER23
