"""Ogg: the last page of a stream says how many samples there are up to its end (RFC 3533).

Read are the first pages, which say what the streams are, and the end of the file. tinytag reads every page.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.media.mp4 import ReadAt

_FIRST_BYTES = 4096
_END_BYTES = 1 << 16  # no page is longer by more than its header
_HEADER_BYTES = 27
_MARK = b"OggS\0"
_BEGINS = 2
_NO_END = 0xFFFF_FFFF_FFFF_FFFF  # of a page in which no packet ends


def duration_s(read_at: ReadAt, size_bytes: int) -> float | None:
    """Divide the samples of the first stream of audio by their rate."""
    stream = _stream_of_audio(read_at(0, _FIRST_BYTES))
    if stream is None:
        return None
    serial, rate_hz, skipped = stream
    end_at = max(0, size_bytes - _END_BYTES)
    end = read_at(end_at, _END_BYTES + _HEADER_BYTES)
    at = end.rfind(_MARK)
    while at >= 0:
        page = end[at : at + _HEADER_BYTES]
        position = _number(page, 6, 8)
        if page[14:18] == serial and position != _NO_END:
            return max(0, position - skipped) / rate_hz or None
        at = end.rfind(_MARK, 0, at)
    return None


def _stream_of_audio(head: bytes) -> tuple[bytes, int, int] | None:
    """Give the serial number of the first one, its rate in Hz, and how many samples are not played."""
    for serial, packet in _first_packets(head):
        if packet.startswith(b"OpusHead"):
            return serial, 48_000, _number(packet, 10, 2)
        rate_hz = 0
        if packet.startswith(b"\x01vorbis"):
            rate_hz = _number(packet, 12, 4)
        elif packet.startswith(b"Speex   "):
            rate_hz = _number(packet, 36, 4)
        elif packet.startswith(b"\x7fFLAC"):
            # Behind 13 bytes of mapping and marks and 4 of a block's header: bits 80 to 99 of the stream's.
            rate_hz = int.from_bytes(packet[27:30]) >> 4
        if rate_hz:
            return serial, rate_hz, 0
    return None


def _first_packets(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give the serial number and the first packet of each stream, which come before all else."""
    at = 0
    while head.startswith(_MARK, at) and len(head) > at + _HEADER_BYTES and head[at + 5] & _BEGINS:
        lengths = head[at + _HEADER_BYTES : at + _HEADER_BYTES + head[at + 26]]
        start = at + _HEADER_BYTES + len(lengths)
        yield head[at + 14 : at + 18], head[start : start + sum(lengths)]
        at = start + sum(lengths)


def _number(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(data[start : start + length], "little")
