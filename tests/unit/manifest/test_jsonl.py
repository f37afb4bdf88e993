"""Manifests of JSON lines."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.call import encode_call
from pipeline.errors import Problem
from pipeline.manifest import RejectedRow, Row
from pipeline.manifest.row import MAX_ROW_BYTES
from tests.unit.manifest.builders import jsonl, lines_of, make_call, only_rejected, only_row, read

GOOD = jsonl({"call": make_call(), "media": "a.wav"})


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.removesuffix(b"\n"),
        b"  " + GOOD.replace(b"\n", b"  \n"),
    ],
    ids=["plain", "byte order mark", "CRLF", "no newline at the end", "white space around"],
)
def test_line_is_read(content: bytes) -> None:
    assert read(content) == [Row(1, make_call(), "a.wav")]


def test_blank_lines_are_skipped_and_counted() -> None:
    assert lines_of(read(b"\n" + GOOD + b" \t\r\n\n" + GOOD)) == [("Row", 2), ("Row", 5)]


def test_text_beyond_ascii_is_kept() -> None:
    call = make_call(title="Zoë \N{PILE OF POO} \u2028")
    line = json.dumps({"call": call, "media": "Zoë.wav"}, ensure_ascii=False).encode()
    assert only_row(line) == Row(1, call, "Zoë.wav")


def test_number_is_sent_as_it_is_written() -> None:
    call = encode_call(make_call(duration=1)).replace('"duration":1', '"duration":125.80')
    assert '"duration":125.80' in encode_call(only_row(f'{{"call":{call},"media":"a"}}'.encode()).call)


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        (b"{broken", "", "is not JSON: Expecting property name enclosed in double quotes at column 2"),
        (b"[" * 100_000, "", "is nested too deeply"),
        (b"7", "", "must be a JSON object"),
        (b'{"call": {}, "call": {}}', "call", "more than once"),
        (b'{"call": {"duration": NaN}}', "call.duration", "NaN"),
        (b'{"media": "a.wav"}', "call", "is missing"),
        (b'{"call": "x", "media": "a.wav"}', "call", "must be an object"),
        (b'{"call": null, "media": "a.wav"}', "call", "must be an object"),
        (b'{"call": {}, "media": ""}', "media", "must be a path"),
        (b'{"call": {}, "media": " "}', "media", "must be a path"),
        (b'{"call": {}, "media": null}', "media", "must be a path"),
        (b'{"call": {}, "media": 7}', "media", "must be a path"),
        (b'{"call": {}, "media": "a\\u0000"}', "media", "NUL"),
        (b'{"call": {}, "media": "a\\ud800"}', "media", "surrogate"),
        (b'{"call": {}, "meida": "a.wav"}', "meida", "is 'media' meant?"),
        (b'{"call": {}, "\\ud800": 1}', r"'\ud800'", "is not known here"),
        (b'{"call": {}, "media": "\xff"}', "", "is not UTF-8: byte 0xff at position 24"),
        (b'{"call": {}, "media": "\0"}', "", "NUL byte at position 24"),
    ],
)
def test_malformed_line_is_rejected_with_its_field(line: bytes, field: str, message: str) -> None:
    # A good line first: a manifest that begins with some of these is refused as a whole.
    good, rejected, also_good = read(GOOD + line + b"\n" + GOOD)
    assert isinstance(good, Row)
    assert isinstance(also_good, Row)
    assert isinstance(rejected, RejectedRow)
    assert (rejected.line, rejected.code, rejected.original) == (2, "row_malformed", line)
    (problem,) = rejected.problems
    assert problem.field == field
    assert message in problem.message
    rejected.reason.encode()


def test_field_beside_the_call_is_told_with_the_two_that_there_are() -> None:
    rejected = only_rejected(jsonl({"call": make_call(), "media": "a.wav", "duration": 7}))
    assert rejected.reason == "duration: is not known here: a row has the fields 'call' and 'media'"


def test_all_problems_of_a_line_are_told() -> None:
    rejected = only_rejected(jsonl({"cal": {}, "medai": "x", "media": 1, "call": []}))
    assert [problem.field for problem in rejected.problems] == ["cal", "medai", "call", "media"]


def test_call_without_its_wrapping_is_told_as_that() -> None:
    rejected = only_rejected(jsonl(make_call()))
    (problem,) = rejected.problems
    assert problem.field == "call"
    assert "put the fields of the call within it" in problem.message


def test_client_unique_id_of_a_malformed_line_is_told_where_it_can_be_read() -> None:
    assert only_rejected(jsonl({"call": make_call(), "media": 7})).client_unique_id == "pbx-1"
    assert only_rejected(b'{"call": {"clientUniqueId": "pbx-1"').client_unique_id is None


def test_line_beyond_the_limit_is_rejected_and_kept_too_long_to_be_read_again() -> None:
    long = jsonl({"call": make_call(customData="x" * MAX_ROW_BYTES), "media": "a.wav"})
    first, second, third = read(GOOD + long + GOOD)
    assert isinstance(first, Row)
    assert isinstance(third, Row)
    assert isinstance(second, RejectedRow)
    assert second.problems == (Problem("", "the row is longer than 1 MiB"),)
    assert long.startswith(second.original)
    assert only_rejected(second.original).problems == second.problems


def test_line_of_the_limit_is_read() -> None:
    size_bytes = len(jsonl({"call": make_call(customData=""), "media": "a"})) - len(b"\n")
    call = make_call(customData="x" * (MAX_ROW_BYTES - size_bytes))
    assert only_row(jsonl({"call": call, "media": "a"})).call == call


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_stands_between_two_lines_costs_neither(junk: bytes, more: bytes) -> None:
    rows = read(GOOD + junk + b"\n" + more + b"\n" + GOOD)
    assert isinstance(rows[0], Row)
    assert isinstance(rows[-1], Row)
    assert all(isinstance(row, RejectedRow) for row in rows[1:-1])
