"""Lines of a stream that pauses are handed on as they come."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from pipeline.manifest.arriving import arriving_lines
from pipeline.manifest.row import MAX_ROW_BYTES


class Pieces:
    """A stream that has these pieces one after another."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = list(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        assert len(piece) <= size
        return piece


def lines_of(*pieces: bytes) -> list[list[tuple[int, bytes]]]:
    return [[(line.number, line.content) for line in lines] for lines in arriving_lines(Pieces(pieces))]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], []),
        ([b"a\n"], [[(1, b"a\n")]]),
        ([b"a\nb\n", b"c\n"], [[(1, b"a\n"), (2, b"b\n")], [(3, b"c\n")]]),
        ([b"a\nb", b"c", b"\r\nd"], [[(1, b"a\n")], [(2, b"bc\r\n")], [(3, b"d")]]),
        ([b"\n\n", b"a\n"], [[(1, b"\n"), (2, b"\n")], [(3, b"a\n")]]),
    ],
)
def test_lines_come_when_they_are_whole(pieces: list[bytes], expected: list[object]) -> None:
    assert lines_of(*pieces) == expected


def test_no_line_waits_for_the_next_one() -> None:
    stream = Pieces([b"a\nb"])
    stream.pieces.append(b"never read")

    next(arriving_lines(stream))

    assert stream.pieces == [b"never read"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("more", [0, 1, 5 << 20])
def test_a_line_that_is_too_long_is_known_as_such_and_takes_no_more_memory(more: int, end: bytes) -> None:
    stream = io.BytesIO(b"x" * (MAX_ROW_BYTES + more) + end + b"short")

    lines = [line for lines in arriving_lines(stream) for line in lines]

    if not end:
        (line,) = lines
        assert line.too_long
        return
    first, second = lines
    assert first.too_long is (more > 0)
    assert len(first.content) <= MAX_ROW_BYTES + 2
    assert (second.number, second.content, second.too_long) == (2, b"short", False)
