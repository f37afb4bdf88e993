"""MP4 in fragments, as meeting systems and streams write it: its index at the beginning has no length.

That is in an index of the fragments where there is one, or else in the last fragment: when it begins, and how
long it is (ISO/IEC 14496-12: sections 8.8 and 8.16.3).
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.media.mp4 import BOXES_MAX, ReadAt, boxes

Box = tuple[int, int]
"""Where the content of a box begins and ends."""

RUN_MAX_BYTES = 1 << 20  # of one run of samples: there is no longer one, but one that says so
_EACH_HAS_DURATION = 0x100
_FIELDS_OF_EACH = (0x100, 0x200, 0x400, 0x800)


def duration_s(read_at: ReadAt, size_bytes: int) -> float | None:
    """Measure by the index of the fragments, or by the last of them."""
    movie, last, indexed_s = None, None, 0.0
    budget = iter(range(BOXES_MAX))
    for name, start, end in boxes(read_at, budget, 0, size_bytes):
        if name == b"moov":
            movie = (start, end)
        elif name == b"sidx":
            indexed_s += _indexed_s(read_at(start, min(end - start, 1 << 16)))
        elif name == b"moof":
            last = (start, end)
    if indexed_s or not movie or not last:
        return indexed_s or None
    if next(budget, None) is None:  # the last that was looked at need not be the last there is
        return None
    return max(_ends_s(read_at, movie, last), default=None)


def _indexed_s(index: bytes) -> float:
    """Add up what an index tells of."""
    times = 8 if index[:1] == b"\1" else 4
    scale, at = _number(index, 8), 12 + 2 * times + 2
    count = int.from_bytes(index[at : at + 2])
    entries = (index[at + 2 + 12 * each :][:12] for each in range(count))
    # The first bit says that an entry is of another index.
    units = sum(_number(entry, 4) for entry in entries if len(entry) == 12 and entry[0] < 0x80)
    return units / scale if scale else 0.0


def _ends_s(read_at: ReadAt, movie: Box, last: Box) -> Iterator[float]:
    """Give the time at which each track ends."""
    scales = dict(_scales(read_at, movie))
    defaults = dict(_defaults(read_at, movie))
    for fragment in _inside(read_at, last, b"traf"):
        header = _content(read_at, fragment, b"tfhd")
        track = _number(header, 4)
        begin = _content(read_at, fragment, b"tfdt")
        if not begin or not scales.get(track):
            continue
        begins = int.from_bytes(begin[4:12] if begin[0] else begin[4:8])
        default = _default_of(header, defaults.get(track, 0))
        units = sum(
            _units(read_at(start, min(end - start, RUN_MAX_BYTES)), default)
            for start, end in _inside(read_at, fragment, b"trun")
        )
        yield (begins + units) / scales[track]


def _scales(read_at: ReadAt, movie: Box) -> Iterator[tuple[int, int]]:
    """Give how many units a second each track has."""
    for track in _inside(read_at, movie, b"trak"):
        header = _content(read_at, track, b"tkhd")
        for media in _inside(read_at, track, b"mdia"):
            told = _content(read_at, media, b"mdhd")
            at = 20 if told[:1] == b"\1" else 12
            yield _number(header, 20 if header[:1] == b"\1" else 12), _number(told, at)


def _defaults(read_at: ReadAt, movie: Box) -> Iterator[tuple[int, int]]:
    """Give how long a sample of each track is unless a fragment says otherwise."""
    for extended in _inside(read_at, movie, b"mvex"):
        for start, end in _inside(read_at, extended, b"trex"):
            told = read_at(start, min(end - start, 16))
            yield _number(told, 4), _number(told, 12)


def _default_of(header: bytes, default: int) -> int:
    """Read how long a sample of a fragment is, behind two fields that may be there."""
    flags = int.from_bytes(header[1:4])
    at = 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    return _number(header, at) if flags & 8 else default


def _units(run: bytes, default: int) -> int:
    """Add up how long the samples of a run are."""
    flags, count = int.from_bytes(run[1:4]), _number(run, 4)
    if not flags & _EACH_HAS_DURATION:
        return count * default
    at = 8 + (4 if flags & 1 else 0) + (4 if flags & 4 else 0)
    step = 4 * sum(bool(flags & field) for field in _FIELDS_OF_EACH)
    return sum(_number(run, start) for start in range(at, min(at + count * step, len(run)), step))


def _inside(read_at: ReadAt, box: Box, wanted: bytes) -> Iterator[Box]:
    for name, start, end in boxes(read_at, iter(range(BOXES_MAX)), *box):
        if name == wanted:
            yield start, end


def _content(read_at: ReadAt, box: Box, wanted: bytes) -> bytes:
    """Read the first box of a name whole; nothing if there is none."""
    found = next(_inside(read_at, box, wanted), None)
    return read_at(found[0], min(found[1] - found[0], 1 << 10)) if found else b""


def _number(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 4])
