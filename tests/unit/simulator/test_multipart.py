"""The parser must not care where a body is cut into pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.simulator.multipart import (
    MAX_PART_HEADERS_BYTES,
    Event,
    MultipartInvalid,
    MultipartParser,
    PartEnd,
    PartStart,
    boundary_of,
)

BOUNDARY = b"--frontier"
FILE_HEADERS = (
    b'Content-Disposition: form-data; name="mediaFile"; filename="a.mp3"\r\nContent-Type: audio/mpeg'
)
FILE_START = PartStart("mediaFile", "a.mp3", "audio/mpeg")


def make_body(*contents: bytes, headers: bytes = FILE_HEADERS, boundary: bytes = BOUNDARY) -> bytes:
    parts = (b"--" + boundary + b"\r\n" + headers + b"\r\n\r\n" + content + b"\r\n" for content in contents)
    return b"".join(parts) + b"--" + boundary + b"--\r\n"


def parse(*pieces: bytes, boundary: bytes = BOUNDARY) -> list[Event]:
    """Parse a whole body; the content of each part comes in one event."""
    parser = MultipartParser(boundary)
    events: list[Event] = []
    for piece in pieces:
        for event in parser.feed(piece):
            last = events[-1] if events else None
            if isinstance(event, bytes) and isinstance(last, bytes):
                events[-1] = last + event
            else:
                events.append(event)
    parser.close()
    return events


def cut(body: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(ends)]


# Content made of what a boundary is made of, so that almost-boundaries are common.
contents = (
    st.lists(
        st.sampled_from(
            [b"\r", b"\n", b"\r\n", b"-", b"--", b"frontier", b"\r\n--", b"\r\n----frontie", b"x", b"\x00"]
        ),
        max_size=12,
    )
    .map(b"".join)
    .filter(lambda content: b"\r\n--" + BOUNDARY not in b"\r\n" + content + b"\r\n")
)


@given(content=contents, places=st.lists(st.integers(0, 2_000), max_size=20))
def test_the_content_is_the_same_wherever_the_body_is_cut(content: bytes, places: list[int]) -> None:
    expected = [FILE_START, *([content] if content else []), PartEnd()]
    assert parse(*cut(make_body(content), places)) == expected


@given(first=contents, second=contents, places=st.lists(st.integers(0, 2_000), max_size=20))
def test_two_parts_come_out_as_two(first: bytes, second: bytes, places: list[int]) -> None:
    body = make_body(first, second)
    assert parse(*cut(body, places)) == parse(body)
    assert parse(body).count(FILE_START) == 2


def test_a_body_that_comes_byte_by_byte_is_parsed() -> None:
    body = make_body(b"\r\n----frontie\r\n\r", b"")
    assert parse(*(body[index : index + 1] for index in range(len(body)))) == parse(body)


def test_content_is_passed_on_as_it_comes_and_not_gathered() -> None:
    parser = MultipartParser(BOUNDARY)
    assert list(parser.feed(make_body(b"")[: -len(b"\r\n----frontier--\r\n")])) == [FILE_START]
    piece = b"x" * 100_000
    assert [list(parser.feed(piece)) for _ in range(3)] == [[piece]] * 3


def test_a_preamble_an_epilogue_and_blanks_after_a_boundary_are_skipped() -> None:
    body = make_body(b"content").replace(b"--frontier\r\n", b"--frontier \t\r\n")
    assert parse(b"preamble\r\n" + body + b"epilogue\r\n----frontier\r\n") == [
        FILE_START,
        b"content",
        PartEnd(),
    ]


def test_headers_are_read_whatever_their_case_and_quoting() -> None:
    disposition = 'content-disposition: FORM-DATA; filename="sägen \\"1\\".WAV"; name=mediaFile'
    headers = f"{disposition}\r\nCONTENT-TYPE: Audio/X-WAV; a=b"
    start = parse(make_body(b"x", headers=headers.encode()))[0]
    assert start == PartStart("mediaFile", 'sägen "1".WAV', "audio/x-wav")


def test_a_field_that_is_no_file_has_no_file_name_and_is_text() -> None:
    start = parse(make_body(b"x", headers=b'Content-Disposition: form-data; name="mediaFile"'))[0]
    assert start == PartStart("mediaFile", None, "text/plain")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        make_body(b"content")[:-6],
        make_body(b"content")[:20],
        make_body(b"content")[: -len(b"--\r\n")],
        make_body(b"content", boundary=b"--another"),
    ],
)
def test_a_body_without_its_closing_boundary_is_refused(body: bytes) -> None:
    with pytest.raises(MultipartInvalid, match="ends before its closing boundary"):
        parse(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (make_body(b"x").replace(b"frontier\r\n", b"frontierland\r\n"), "line break"),
        (make_body(b"x").replace(b"frontier\r\n", b"frontier" + b" " * 300), "line break"),
        (make_body(b"x", headers=b"Content-Type: audio/mpeg"), "form-data"),
        (make_body(b"x", headers=b"").replace(b"\r\n\r\n\r\n", b"\r\n\r\n"), "form-data"),
        (make_body(b"x", headers=b'Content-Disposition: attachment; name="mediaFile"'), "form-data"),
        (make_body(b"x", headers=b"A: " + b"a" * MAX_PART_HEADERS_BYTES), "longer than"),
        (b"----frontier\r\nA: " + b"a" * MAX_PART_HEADERS_BYTES, "longer than"),
    ],
)
def test_a_body_that_breaks_the_format_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(MultipartInvalid, match=reason):
        parse(body)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; charset=utf-8; boundary="a b:c"', b"a b:c"),
        (f"multipart/form-data; boundary={'b' * 70}", b"b" * 70),
    ],
)
def test_the_boundary_is_read_from_the_content_type(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "parameter", ["", "; boundary=", '; boundary=""', f"; boundary={'b' * 71}", "; boundary=ü"]
)
def test_a_content_type_without_a_right_boundary_is_refused(parameter: str) -> None:
    with pytest.raises(MultipartInvalid, match="must name a boundary"):
        boundary_of(f"multipart/form-data{parameter}")
