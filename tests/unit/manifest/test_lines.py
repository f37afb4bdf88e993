"""Physical lines of a manifest."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.manifest.lines import Lines, problem_of_bytes, without_line_end
from pipeline.manifest.row import MAX_ROW_BYTES

HINT = " (a file of another encoding is read with --encoding)"


def lines_of(content: bytes) -> Lines:
    return Lines(io.BytesIO(content), "calls.csv")


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\r", b"\xff", b"\0"])).map(b"".join))
def test_lines_are_the_bytes_of_the_file(content: bytes) -> None:
    lines = list(lines_of(content))
    assert b"".join(line.content for line in lines) == content
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert all(line.content.count(b"\n") == line.content.endswith(b"\n") for line in lines)


@pytest.mark.parametrize("line_end", [b"", b"\n", b"\r\n"])
def test_line_of_exactly_the_limit_is_whole(line_end: bytes) -> None:
    (line,) = lines_of(b"x" * MAX_ROW_BYTES + line_end)
    assert not line.too_long
    assert without_line_end(line.content) == b"x" * MAX_ROW_BYTES


@pytest.mark.parametrize("line_end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("excess", [1, 2, 3, MAX_ROW_BYTES, 3 * MAX_ROW_BYTES + 1])
def test_longer_line_keeps_its_beginning_and_costs_no_other(line_end: bytes, excess: int) -> None:
    long, *others = lines_of(b"x" * (MAX_ROW_BYTES + excess) + line_end + (b"next\n" if line_end else b""))
    assert long.too_long
    assert MAX_ROW_BYTES < len(long.content) <= MAX_ROW_BYTES + 3
    assert [(line.number, line.content) for line in others] == ([(2, b"next\n")] if line_end else [])


def test_lines_given_back_come_again_in_their_order() -> None:
    lines = lines_of(b"1\n2\n3\n4\n")
    _, second, third = next(lines), next(lines), next(lines)
    lines.give_back([second, third])
    assert [line.content for line in lines] == [b"2\n", b"3\n", b"4\n"]


@pytest.mark.parametrize(
    ("content", "blank"), [(b"\n", True), (b" \t\r\n", True), (b"a\n", False), (b",\n", False)]
)
def test_blank_line_has_white_space_alone(content: bytes, blank: bool) -> None:
    (line,) = lines_of(content)
    assert line.blank is blank


def test_endless_white_space_is_not_blank() -> None:
    (line,) = lines_of(b" " * (MAX_ROW_BYTES + 1))
    assert not line.blank


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"plain", None),
        ("Zoë \N{PILE OF POO}".encode(), None),
        ("Zoë".encode("latin-1"), f"is not UTF-8: byte 0xeb at position 3{HINT}"),
        (b"ab\xe2\x82", f"is not UTF-8: byte 0xe2 at position 3{HINT}"),
        (b"a\0b", "has a NUL byte at position 2: it was cut off, or is not UTF-8"),
    ],
)
def test_bytes_that_are_no_text_are_told_with_their_position(content: bytes, problem: str | None) -> None:
    assert problem_of_bytes(content) == problem
