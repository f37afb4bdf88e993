"""Twins: rows with the same clientUniqueId, the same file or the same address, among any number of rows.

What tells a row's twins is a hash of 96 bits, as a job's id is: among ten million rows two that differ share
one with a chance below 1e-14. The hashes of all rows do not fit into memory, so they go into temporary files,
in parts by their first byte; all that have the same hash are in the same part, and a part is sorted in memory
at the end.

Invariants: memory does not grow with the number of rows. Of each hash the first row is told with each later
one, in whatever order and by whatever processes the rows were looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple

PARTS = 64
"""A part of a million rows has about a megabyte."""
# A part of more bytes is sorted in several goes, each with some of its hashes.
_SORTED_MAX_BYTES = 8 << 20
# The hash; line, sort and flags; what lies beside it; where the texts stand and how long they are. Sorted as
# bytes, they are sorted by hash and line.
_RECORD = struct.Struct(">12sQ12sQHH")
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
        client_unique_id: Its own; empty where it has none.
        place: The media's path, or its address; empty where it has none.
    """

    line: int
    accepted: bool
    has_media: bool
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
        told = row.line << 4 | row.has_media << 1 | row.accepted
        texts = (self._number << 48 | self._texts_bytes, len(own_id), len(place))
        self._texts.write(own_id + place)
        self._texts_bytes += len(own_id) + len(place)
        for mark in row.marks:
            record = _RECORD.pack(mark.hash, told | mark.sort << 2, mark.beside, *texts)
            self._parts[mark.hash[0] % PARTS].write(record)

    def close(self) -> None:
        """Write what is left."""
        self._files.close()


def twins_in(folder: Path, part: int) -> Iterator[Twin]:
    """Yield the twins in one part, when every process has closed its files; of each hash by their lines."""
    files = sorted(folder.glob(f"part-{part}-*"))
    goes = 1 + sum(path.stat().st_size for path in files) // _SORTED_MAX_BYTES
    with ExitStack() as opened:
        texts = _Texts(folder, opened)
        for go in range(goes):
            yield from _twins_among(sorted(_records(files, go, goes)), texts)


def _records(files: Sequence[Path], go: int, goes: int) -> Iterator[bytes]:
    """Yield the records of one go, which has every record of a hash or none."""
    for path in files:
        with path.open("rb") as file:
            while record := file.read(_RECORD.size):
                if goes == 1 or record[1] % goes == go:
                    yield record


def _twins_among(records: Sequence[bytes], texts: _Texts) -> Iterator[Twin]:
    """Yield the twins among records that are sorted: the first of a hash has the first line."""
    first = b""
    for record in records:
        if record[:_HASH_BYTES] == first[:_HASH_BYTES]:
            yield _twin(record, first, texts)
        else:
            first = record


def _twin(record: bytes, first: bytes, texts: _Texts) -> Twin:
    _, told, beside, *its_texts = _RECORD.unpack(record)
    _, first_told, first_beside, *first_texts = _RECORD.unpack(first)
    client_unique_id, place = texts.read(*its_texts)
    return Twin(
        sort=Sort(told >> 2 & 3),
        line=told >> 4,
        first_line=first_told >> 4,
        beside=beside,
        is_same=beside == first_beside,
        accepted=bool(told & 1),
        has_media=bool(told & 2),
        client_unique_id=client_unique_id,
        place=place,
        first_place=texts.read(*first_texts)[1],
    )


class _Texts:
    """The texts of all processes, each file opened when it is first needed."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self._folder = folder
        self._opened = opened
        self._files: dict[int, BinaryIO] = {}

    def read(self, place: int, *lengths: int) -> list[str]:
        number, offset = place >> 48, place & (1 << 48) - 1
        if number not in self._files:
            path = self._folder / f"texts-{number}"
            self._files[number] = self._opened.enter_context(path.open("rb"))
        self._files[number].seek(offset)
        return [self._files[number].read(length).decode("utf-8", "surrogatepass") for length in lengths]


def _kept(text: str) -> bytes:
    return text[:_TEXT_MAX_CHARACTERS].encode("utf-8", "surrogatepass")
