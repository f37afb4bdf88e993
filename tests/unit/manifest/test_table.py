"""Manifests of comma-separated values."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.call import check_call
from pipeline.errors import ManifestUnreadable, Problem
from pipeline.manifest import RejectedRow, Row, read_manifest
from pipeline.manifest.row import MAX_ROW_BYTES
from tests.unit.manifest.builders import (
    cells_table,
    lines_of,
    make_call,
    make_cells,
    only_rejected,
    only_row,
    read,
    table,
)

HEADER, GOOD = table(make_cells(title="Call")).splitlines(keepends=True)
GOOD_CALL = make_call(title="Call")


def cells(**overrides: str) -> bytes:
    """One row below HEADER."""
    return cells_table(tuple(make_cells(**{"title": "Call", **overrides}).values()))


@pytest.mark.parametrize(
    "content",
    [
        HEADER + GOOD,
        b"\xef\xbb\xbf" + HEADER + GOOD,
        (HEADER + GOOD).replace(b"\r\n", b"\n"),
        HEADER + GOOD.removesuffix(b"\r\n"),
        b'\xef\xbb\xbf"clientUniqueId"' + HEADER.removeprefix(b"clientUniqueId") + GOOD,
    ],
    ids=["CRLF", "byte order mark", "LF", "no newline at the end", "quoted after a byte order mark"],
)
def test_row_is_read(content: bytes) -> None:
    assert read(content) == [Row(2, GOOD_CALL, "a.wav")]


def test_blank_lines_and_rows_of_empty_cells_are_skipped_and_counted() -> None:
    content = b"\n" + HEADER + b"\r\n" + GOOD + b" \n,,,,,,\r\n,, ,\n" + GOOD
    assert lines_of(read(content)) == [("Row", 4), ("Row", 8)]


def test_line_breaks_between_quotation_marks_belong_to_the_cell() -> None:
    content = HEADER + cells(title='a\r\nb\n"c",') + GOOD
    first, second = read(content)
    assert isinstance(first, Row)
    assert (first.line, first.call["title"]) == (2, 'a\r\nb\n"c",')
    assert second == Row(5, GOOD_CALL, "a.wav")


def test_line_of_a_row_of_several_lines_is_its_first() -> None:
    bad, good = read(HEADER + cells(title="a\nb", direction="Sideways") + GOOD)
    assert isinstance(bad, RejectedRow)
    assert (bad.line, bad.original) == (2, cells(title="a\nb", direction="Sideways").removesuffix(b"\r\n"))
    assert good.line == 4


def test_header_may_have_line_breaks_in_quotation_marks() -> None:
    header = HEADER.replace(b"direction", b'"direction\n"')
    assert read(header + GOOD) == [Row(3, GOOD_CALL, "a.wav")]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b'"clientUniqueId\n', "line 1: the header is not valid CSV"),
        (b"client\xffUniqueId\n", "line 1: the header is not UTF-8: byte 0xff at position 7"),
        (b"client\0UniqueId\n", "line 1: the header has a NUL byte"),
        (b"x" * (MAX_ROW_BYTES + 1), "line 1: the header is longer than 1 MiB"),
        (b"\n\nclientUniqueId;media\n", "line 3: the columns are separated by ';'"),
        (HEADER.replace(b"media", b"meida"), "line 1: column 'meida' is not known; is 'media' meant?; "),
        (b",".join([HEADER.strip(), HEADER]), "column 'media' stands there 2 times"),
    ],
)
def test_header_that_cannot_be_used_is_refused_before_any_row(header: bytes, message: str) -> None:
    with pytest.raises(ManifestUnreadable) as raised:
        read_manifest(io.BytesIO(header + b"\n" + GOOD), form="csv")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"pbx-1,2026\r\n", "the row has 2 cells, the header has 7"),
        (GOOD.replace(b"\r\n", b",\r\n"), "the row has 8 cells, the header has 7"),
        (GOOD.replace(b"Call", b"C\xffll"), "the row is not UTF-8: byte 0xff at position "),
        (GOOD.replace(b"Call", b"C\0ll"), "the row has a NUL byte at position "),
        (GOOD.replace(b"Call", b'"Call" '), "the row is not valid CSV"),
        (GOOD.replace(b"Call", b"Ca\rll"), "the row is not valid CSV"),
        (GOOD.replace(b"Call", b'"C\xff"ll'), "the row is not UTF-8: byte 0xff at position "),
        (GOOD.replace(b"Call", b"x" * MAX_ROW_BYTES), "the row is longer than 1 MiB"),
    ],
)
def test_malformed_row_is_rejected_alone(row: bytes, message: str) -> None:
    good, rejected, also_good = read(HEADER + GOOD + row + GOOD)
    assert good == Row(2, GOOD_CALL, "a.wav")
    assert also_good == Row(4, GOOD_CALL, "a.wav")
    assert isinstance(rejected, RejectedRow)
    assert (rejected.line, rejected.code, rejected.client_unique_id) == (3, "row_malformed", None)
    assert message in rejected.reason
    assert row.startswith(rejected.original)
    rejected.reason.encode()


def test_invalid_utf_8_in_a_cell_of_several_lines_rejects_the_whole_row() -> None:
    rejected, good = read(HEADER + cells(title="a\nb").replace(b"b", b"\xff") + GOOD)
    assert isinstance(rejected, RejectedRow)
    assert rejected.line == 2
    assert good == Row(4, GOOD_CALL, "a.wav")


def test_cell_beyond_the_limit_of_the_parser_is_read() -> None:
    title = "x" * 500_000
    assert only_row(HEADER + cells(title=title)).call["title"] == title


@pytest.mark.parametrize("end", [b"", b'3,"",x\r\n', b'3,"ok",x\r\n', b'"\r\n', b'a,5"\r\n', b'",x\r\n'])
def test_quotation_mark_that_is_not_closed_costs_its_line_alone(end: bytes) -> None:
    """The rows up to the next quotation mark would otherwise be swallowed."""
    unclosed = GOOD.replace(b"Call", b'"Call')
    rows = read(HEADER + unclosed + GOOD * 3 + end)
    assert isinstance(rows[0], RejectedRow)
    assert (rows[0].line, rows[0].original) == (2, unclosed.removesuffix(b"\r\n"))
    assert rows[1:4] == [Row(line, GOOD_CALL, "a.wav") for line in (3, 4, 5)]
    assert lines_of(rows[4:]) == ([("RejectedRow", 6)] if end else [])


def test_quotation_mark_that_is_not_closed_takes_no_more_than_a_row_may_have() -> None:
    unclosed = GOOD.replace(b"Call", b'"Call')
    times = 2 * MAX_ROW_BYTES // len(GOOD)
    rejected, *rows = read(HEADER + unclosed + GOOD * times)
    assert isinstance(rejected, RejectedRow)
    assert rejected.reason == "the row is longer than 1 MiB, or a quotation mark in it is not closed"
    assert rejected.original == unclosed.removesuffix(b"\r\n")
    assert [row.line for row in rows] == list(range(3, 3 + times))
    assert all(isinstance(row, Row) for row in rows)


def test_cell_of_several_lines_may_look_much_like_a_table() -> None:
    title = f'a,b,c,d,e,f,g\n\n"\n{HEADER.decode()}'
    assert only_row(HEADER + cells(title=title)).call["title"] == title


def test_quotation_mark_within_a_cell_without_them_is_a_character() -> None:
    assert only_row(HEADER + GOOD.replace(b"Call", b'5" pipe')).call["title"] == '5" pipe'


def test_problem_is_named_by_the_column_of_the_manifest() -> None:
    row = make_cells(**{"parties.1.mediaChannelId": "", "parties.3.mediaChannelId": "2"})
    rejected = only_rejected(table(row))
    assert rejected.code == "call_invalid"
    assert [problem.field for problem in rejected.problems] == ["parties.3.mediaChannelId"]
    assert rejected.client_unique_id == "pbx-1"


@pytest.mark.parametrize("duration", ["125,80", "NaN", "two minutes"])
def test_number_that_is_none_is_rejected_by_its_column(duration: str) -> None:
    rejected = only_rejected(table(make_cells(duration=duration)))
    assert [problem.field for problem in rejected.problems] == ["duration"]


def test_row_with_neither_media_nor_download_media_url_is_rejected() -> None:
    rejected = only_rejected(table(make_cells(media="")))
    assert [problem.field for problem in rejected.problems] == ["downloadMediaUrl"]
    assert isinstance(rejected.problems[0], Problem)


# --- properties

_TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=12).filter(
    str.strip
)
_CONTEXTS = st.fixed_dictionaries(
    {"system": st.sampled_from(["Salesforce", "Generic"])},
    optional={
        "objects": st.lists(
            st.fixed_dictionaries(
                {"objectType": st.sampled_from(["Account", "Lead"]), "objectId": _TEXTS},
                optional={
                    "fields": st.lists(
                        st.fixed_dictionaries({"name": _TEXTS, "value": _TEXTS}), min_size=1, max_size=2
                    )
                },
            ),
            min_size=1,
            max_size=2,
        )
    },
)
_CUSTOMERS = st.fixed_dictionaries(
    {"name": _TEXTS},
    optional={"phoneNumber": _TEXTS, "context": st.lists(_CONTEXTS, min_size=1, max_size=2)},
)
_TIMELINES = st.fixed_dictionaries(
    {
        "precise": st.booleans(),
        "speechSegments": st.lists(
            st.fixed_dictionaries(
                {
                    "fromTime": st.integers(0, 999),
                    "toTime": st.integers(1_000, 2**31 - 1),
                    "partyIds": st.just(["rep"]),
                }
            ),
            min_size=1,
            max_size=3,
        ),
    }
)


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    rep: dict[str, Any] = {"userId": "234599484848423"}
    call = make_call(
        clientUniqueId=draw(_TEXTS),
        parties=[rep],
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "title": _TEXTS,
                    "customData": _TEXTS,
                    "duration": st.floats(0, 1e6) | st.integers(0, 10**9),
                    "context": st.lists(_CONTEXTS, min_size=1, max_size=2),
                    "flowContext": st.fixed_dictionaries({"taskId": _TEXTS}),
                },
            )
        ),
    )
    if draw(st.booleans()):
        call["speakersTimeline"] = draw(_TIMELINES)
        rep["partyId"] = "rep"
    else:
        rep["mediaChannelId"] = draw(st.integers(0, 1))
        call["parties"] += draw(st.lists(_CUSTOMERS, max_size=3))
    return call


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """A call as cells by dotted columns."""
    if isinstance(value, dict | list):
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for key, member in members:
            yield from flat(member, f"{path}.{key}" if path else str(key))
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


@given(st.lists(calls(), min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"]), st.randoms())
def test_calls_written_as_a_table_are_read_back_equal(
    written: list[dict[str, Any]], line_end: str, random: Any
) -> None:
    for call in written:
        check_call(call, has_media=True)
    rows = [dict(flat(call)) | {"media": f"{place}.wav"} for place, call in enumerate(written)]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    random.shuffle(columns)
    content = cells_table(
        columns, *([row.get(column, "") for column in columns] for row in rows), line_end=line_end
    )
    expected = [(call, f"{place}.wav") for place, call in enumerate(written)]
    assert [isinstance(row, Row) and (row.call, row.media) for row in read(content, form="csv")] == expected


@given(st.lists(st.sampled_from([*'ab,"\n\r \0é', '""', '","', "\r\n"]), max_size=30).map("".join))
def test_rows_before_and_after_any_junk_are_read(junk: str) -> None:
    rows = read(HEADER + GOOD + junk.encode() + b"\n" + GOOD + GOOD)
    assert rows[0] == Row(2, GOOD_CALL, "a.wav")
    last = rows[-1]
    assert isinstance(last, Row)
    assert last.call == GOOD_CALL
    assert [row.line for row in rows] == sorted({row.line for row in rows})
