"""AVI: its main header has the length of a frame and a count of them; that of a long file is elsewhere."""

from __future__ import annotations

from pipeline.media.mp4 import ReadAt

_HEADERS_BYTES = 8192
_MAIN_AT = 32  # behind RIFF, length, AVI, LIST, length, hdrl, avih, length
_COUNT_AT = _MAIN_AT + 16


def duration_s(read_at: ReadAt, _size_bytes: int) -> float | None:
    """Multiply the two (AVIMAINHEADER; `dmlh` of OpenDML counts the frames of all parts)."""
    head = read_at(0, _HEADERS_BYTES)
    if head[20:28] != b"hdrlavih":
        return None
    frame_us, count = _number(head, _MAIN_AT), _number(head, _COUNT_AT)
    whole_at = head.find(b"dmlh")
    if whole_at > 0:
        count = max(count, _number(head, whole_at + 8))
    return frame_us * count / 1_000_000 or None


def _number(head: bytes, start: int) -> int:
    return int.from_bytes(head[start : start + 4], "little")
