"""Matroska and WebM: how long it is, and whether there is a picture, which its first header does not tell.

Reads the headers before the first cluster of media (RFC 8794, RFC 9559), and nothing of the media.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pipeline.media.mp4 import ReadAt

ELEMENTS_MAX = 1024  # of one level: far beyond any recording, and an end for one made to be read for ever
PICTURE, SOUND = 1, 2

_HEADER, _DOCUMENT = 0x1A45_DFA3, 0x4282
_SEGMENT, _CLUSTER = 0x1853_8067, 0x1F43_B675
_INFO, _SCALE, _DURATION = 0x1549_A966, 0x2A_D7B1, 0x4489
_TRACKS, _TRACK, _TYPE = 0x1654_AE6B, 0xAE, 0x83
_SCALE_NS = 1_000_000  # unless told

Element = tuple[int, int, int]
"""Its id, and where its content begins and ends."""


def document_type(read_at: ReadAt, size_bytes: int) -> bytes:
    """Return the name of the form, such as `webm` and `matroska`; empty if there is none."""
    for name, start, end in _elements(read_at, 0, size_bytes):
        if name == _HEADER:
            parts = _elements(read_at, start, end)
            return next((read_at(at, min(to - at, 16)) for part, at, to in parts if part == _DOCUMENT), b"")
    return b""


def duration_s(read_at: ReadAt, size_bytes: int) -> float | None:
    """Return how long it is; None if that was not written, as when it was streamed."""
    scale_ns, duration = _SCALE_NS, 0.0
    for name, start, end in _within(read_at, size_bytes, _INFO):
        content = read_at(start, min(end - start, 8))
        if name == _SCALE:
            scale_ns = int.from_bytes(content)
        elif name == _DURATION and len(content) in {4, 8}:
            (duration,) = struct.unpack(">f" if len(content) == 4 else ">d", content)
    seconds = duration * scale_ns / 1_000_000_000
    return seconds if 0 < seconds < float("inf") else None


def track_types(read_at: ReadAt, size_bytes: int) -> frozenset[int]:
    """Return the types of the tracks, such as `PICTURE` and `SOUND`; empty if they are not told."""
    return frozenset(
        int.from_bytes(read_at(start, min(end - start, 8)))
        for _, track_start, track_end in _within(read_at, size_bytes, _TRACKS, _TRACK)
        for name, start, end in _elements(read_at, track_start, track_end)
        if name == _TYPE
    )


def _within(read_at: ReadAt, size_bytes: int, wanted: int, only: int | None = None) -> Iterator[Element]:
    """Give what is in one of the segment's elements, as far as they stand before the media."""
    for name, start, end in _elements(read_at, 0, size_bytes):
        if name != _SEGMENT:
            continue
        for part, part_start, part_end in _elements(read_at, start, end):
            if part == _CLUSTER:
                return
            if part == wanted:
                found = _elements(read_at, part_start, part_end)
                yield from (each for each in found if only in {None, each[0]})
        return


def _elements(read_at: ReadAt, start: int, end: int) -> Iterator[Element]:
    """Give each element; stops at the first that does not fit."""
    for _ in range(ELEMENTS_MAX):
        header = read_at(start, 12)
        if start >= end or not header:
            return
        id_bytes = _length(header[0])
        if id_bytes > 4 or len(header) <= id_bytes:
            return
        size_length = _length(header[id_bytes])
        inside = start + id_bytes + size_length
        # The highest number says that the length is not known: then it goes to the end.
        told = int.from_bytes(header[id_bytes : id_bytes + size_length]) & ((1 << 7 * size_length) - 1)
        if size_length > 8 or inside > end:
            return
        yield int.from_bytes(header[:id_bytes]), inside, min(inside + told, end)
        start = inside + told


def _length(first: int) -> int:
    """Return how long a number is that begins with this byte; 9 if none does."""
    return 9 - first.bit_length()
