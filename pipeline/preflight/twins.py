"""Twins: rows with the same clientUniqueId, the same file or the same address, among any number of rows.

What tells a row's twins is a hash of 96 bits, as a job's id is: among ten million rows two that differ share
one with a chance below 1e-14. The hashes of all rows do not fit into memory, so they go into temporary files,
in parts by their first byte; all that have the same hash are in the same part, and a part is sorted at the
end: in memory, or where it is too large for that in runs, which are merged from the disk.

Invariants: memory does not grow with the number of rows, nor with how many of them have the same in common,
which may be all. Of each hash the first row is told with each later one, in whatever order and by whatever
processes the rows were looked at.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from enum import IntEnum
from heapq import merge
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

PARTS = 64
"""A part of a million rows has about a megabyte."""
TWINS_TOLD = 500
"""So many twins are handed over at once."""
# More bytes are not sorted at once: a larger part becomes several runs.
_SORTED_MAX_BYTES = 8 << 20
# Records of a run that are read at once when runs are merged: ten gigabytes of runs take 30 MB.
_MERGED_AT_ONCE = 512
# The hash; line, sort and flags; what lies beside it; where the texts stand and how long they are. Sorted as
# bytes, they are sorted by hash and line.
_RECORD = struct.Struct(">12sQ12sQHH")
_RECORDS = struct.Struct(f"{_RECORD.size}s")
_HASH_BYTES = 12
_TEXT_MAX_CHARACTERS = 2048  # as long as an id may be; a path is told as far as that


class Sort(IntEnum):
    """What rows have in common."""

    ID = 0
    MEDIA = 1
    URL = 2


class Mark(NamedTuple):
    """One thing that a row may have in common with others.

    Attributes:
        hash: Of that, and of nothing else that rows may have in common; 12 bytes.
        beside: Of an id a hash of the row, of media and addresses that of the id; 12 bytes, or none.
    """

    sort: Sort
    hash: bytes
    beside: bytes


class Marked(NamedTuple):
    """A row, with what its twins are told by.

    Attributes:
        line: The row's.
        accepted: Whether it would be brought in, but for its twins.
        has_media: Whether it has media to upload.
        may_link: Whether Gong could pull that through a link instead.
        client_unique_id: Its own; empty where it has none.
        place: The media's path, or its address; empty where it has none.
    """

    line: int
    accepted: bool
    has_media: bool
    may_link: bool
    client_unique_id: str
    place: str
    marks: Sequence[Mark]


class Twin(NamedTuple):
    """A row that has something in common with an earlier one.

    Attributes:
        line, first_line: Its own, and that of the first row which has it.
        beside: As of its mark.
        is_same: Whether what lies beside is the same as well.
        accepted: Whether the row would be brought in, but for this.
        has_media: Whether it has media to upload.
        may_link: Whether Gong could pull that through a link instead.
        client_unique_id: Its own.
        place, first_place: The media's path or address, as each of the two has it.
    """

    sort: Sort
    line: int
    first_line: int
    beside: bytes
    is_same: bool
    accepted: bool
    has_media: bool
    may_link: bool
    client_unique_id: str
    place: str
    first_place: str


class MarkFile:
    """The marks of the rows that one process looks at, in files of its own below a folder of all of them."""

    def __init__(self, folder: Path, number: int) -> None:
        """Open the files; no other process has this number."""
        self._number = number
        self._files = ExitStack()
        self._texts = self._open(folder / f"texts-{number}")
        self._parts = [self._open(folder / f"part-{part}-{number}") for part in range(PARTS)]
        self._texts_bytes = 0

    def _open(self, path: Path) -> BinaryIO:
        return self._files.enter_context(path.open("wb"))

    def add(self, row: Marked) -> None:
        """Keep the marks of a row."""
        if not row.marks:
            return
        own_id, place = (_kept(text) for text in (row.client_unique_id, row.place))
        told = row.line << 5 | row.may_link << 4 | row.has_media << 1 | row.accepted
        texts = (self._number << 48 | self._texts_bytes, len(own_id), len(place))
        self._texts.write(own_id + place)
        self._texts_bytes += len(own_id) + len(place)
        for mark in row.marks:
            record = _RECORD.pack(mark.hash, told | mark.sort << 2, mark.beside, *texts)
            self._parts[mark.hash[0] % PARTS].write(record)

    def close(self) -> None:
        """Write what is left."""
        self._files.close()


def twins_in(folder: Path, part: int) -> Iterator[Sequence[Twin]]:
    """Yield the twins in one part, when every process has closed its files; by their hashes and lines.

    They come in bundles of at most `TWINS_TOLD`: no more is held, even if every row has the same id.
    """
    files = sorted(folder.glob(f"part-{part}-*"))
    with ExitStack() as opened:
        twins = _twins_among(_sorted(files, folder), _Texts(folder, opened))
        while bundle := list(islice(twins, TWINS_TOLD)):
            yield bundle


def _sorted(files: Sequence[Path], folder: Path) -> Iterator[bytes]:
    """Yield the records of some files in order, and hold no more of them than are sorted at once."""
    at_once = max(1, _SORTED_MAX_BYTES // _RECORD.size)
    records = _records(files)
    first = sorted(islice(records, at_once))
    if len(first) < at_once:
        yield from first
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        runs = _Runs(file)
        while first:
            runs.add(first)
            first.clear()  # before the next ones are read
            first = sorted(islice(records, at_once))
        yield from runs.merged()


def _records(files: Sequence[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as file:
            while block := file.read(_RECORD.size * _MERGED_AT_ONCE):
                yield from _cut(block)


def _cut(block: bytes) -> Iterator[bytes]:
    return (record for (record,) in _RECORDS.iter_unpack(block))


class _Runs:
    """Runs of sorted records, one behind another in one file, so that any number of them can be open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ends = [0]

    def add(self, records: Sequence[bytes]) -> None:
        """Keep a run."""
        for at in range(0, len(records), _MERGED_AT_ONCE):
            self._file.write(b"".join(records[at : at + _MERGED_AT_ONCE]))
        self._ends.append(self._file.tell())

    def merged(self) -> Iterator[bytes]:
        """Give the records of all runs in order."""
        return merge(*(self._read(*ends) for ends in pairwise(self._ends)))

    def _read(self, begin: int, end: int) -> Iterator[bytes]:
        at_once = _RECORD.size * _MERGED_AT_ONCE
        for at in range(begin, end, at_once):
            self._file.seek(at)
            yield from _cut(self._file.read(min(at_once, end - at)))


def _twins_among(records: Iterable[bytes], texts: _Texts) -> Iterator[Twin]:
    """Yield the twins among records that are sorted.

    The first of a hash has the first line, of those that would be brought in if there are any: what is kept
    out for something else takes no later one's place.
    """
    first = b""
    first_place: str | None = None
    for record in records:
        is_other = record[:_HASH_BYTES] != first[:_HASH_BYTES]
        if is_other or (_is_accepted(record) and not _is_accepted(first)):
            first, first_place = record, None
        else:
            first_place = texts.of(first)[1] if first_place is None else first_place
            yield _twin(record, first, first_place, texts)


def _is_accepted(record: bytes) -> bool:
    return bool(_RECORD.unpack(record)[1] & 1)


def _twin(record: bytes, first: bytes, first_place: str, texts: _Texts) -> Twin:
    _, told, beside, *_ = _RECORD.unpack(record)
    _, first_told, first_beside, *_ = _RECORD.unpack(first)
    client_unique_id, place = texts.of(record)
    return Twin(
        sort=Sort(told >> 2 & 3),
        line=told >> 5,
        first_line=first_told >> 5,
        beside=beside,
        is_same=beside == first_beside,
        accepted=bool(told & 1),
        has_media=bool(told & 2),
        may_link=bool(told & 16),
        client_unique_id=client_unique_id,
        place=place,
        first_place=first_place,
    )


class _Texts:
    """The texts of all processes, each file opened when it is first needed."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self._folder = folder
        self._opened = opened
        self._files: dict[int, BinaryIO] = {}

    def of(self, record: bytes) -> list[str]:
        """Read the id and the place of a record's row."""
        *_, place, id_bytes, place_bytes = _RECORD.unpack(record)
        number, offset = place >> 48, place & (1 << 48) - 1
        if number not in self._files:
            path = self._folder / f"texts-{number}"
            self._files[number] = self._opened.enter_context(path.open("rb"))
        file = self._files[number]
        file.seek(offset)
        return [file.read(length).decode("utf-8", "surrogatepass") for length in (id_bytes, place_bytes)]


def _kept(text: str) -> bytes:
    return text[:_TEXT_MAX_CHARACTERS].encode("utf-8", "surrogatepass")
