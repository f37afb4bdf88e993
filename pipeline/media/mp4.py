"""Tracks of an MP4 file: whether it holds video or only audio, which its name and brand do not tell.

Reads the headers of boxes (ISO/IEC 14496-12), wherever in the file the index lies, and nothing of the media.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

ReadAt = Callable[[int, int], bytes]
"""Reads from an offset, as many bytes as asked for or as there are."""

BOXES_MAX = 4096  # of one file: far beyond any recording, and an end for one made to be read for ever
_PATH_TO_HANDLER = (b"moov", b"trak", b"mdia", b"hdlr")


def track_handlers(read_at: ReadAt, size_bytes: int) -> frozenset[bytes]:
    """Return the kinds of the file's tracks, such as `vide` and `soun`; empty if the index is not there."""
    budget = iter(range(BOXES_MAX))
    return frozenset(_handlers(read_at, budget, (0, size_bytes), _PATH_TO_HANDLER))


def _handlers(
    read_at: ReadAt, budget: Iterator[int], within: tuple[int, int], path: tuple[bytes, ...]
) -> Iterator[bytes]:
    for name, inside, after in boxes(read_at, budget, *within):
        if name != path[0]:
            continue
        if len(path) == 1:
            yield read_at(inside + 8, 4)  # after version, flags and a field that is always zero
        else:
            yield from _handlers(read_at, budget, (inside, after), path[1:])
        if name == b"moov":
            return  # there is one; fragments without end may follow it


def boxes(read_at: ReadAt, budget: Iterator[int], start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Give name, start of the content and end of each box; stops at the first that does not fit."""
    for _ in budget:
        header = read_at(start, 16)
        if start + 8 > end or len(header) < 8:
            return
        length, inside = int.from_bytes(header[:4]), start + 8
        if length == 1:
            length, inside = int.from_bytes(header[8:16]), start + 16
        after = end if length == 0 else start + length
        if not inside <= after <= end:
            return
        yield header[4:8], inside, after
        start = after
