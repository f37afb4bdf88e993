"""The beginning of an export, and what its headers and values say."""

import io

import pytest

from pipeline.errors import ManifestUnreadable
from pipeline.manifest.mapping.guess import first_map, looks, words
from pipeline.manifest.mapping.guess.sample import Column, read_sample
from tests.unit.manifest.builders import cells_table
from tests.unit.manifest.mapping.maps import COLUMNS, first, objects_of, of_columns


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_told_by_the_rows(separator: str) -> None:
    content = of_columns(COLUMNS | {"Note": ["a b", "c: d"]}).replace(b",", separator.encode())
    found = first(content)["export"].get("delimiter", ",")
    assert {"tab": "\t"}.get(found, found) == separator
    assert read_sample(io.BytesIO(content)).delimiter == separator


def test_separators_within_cells_do_not_count() -> None:
    content = of_columns(COLUMNS | {"Note": ["a;b;c;d;e;f;g;h;i;j", ";;;;;;;;;;"]})
    assert read_sample(io.BytesIO(content)).delimiter == ","


def test_lines_above_the_header_are_told() -> None:
    content = b'Report\n"of, today"\n\n' + of_columns(COLUMNS)
    made = first(content)
    assert made["export"]["skip_lines"] == 3
    assert made["call"]["clientUniqueId"] == "Call ID"


def test_line_of_a_spreadsheet_is_no_header() -> None:
    content = b"sep=;\r\n" + of_columns(COLUMNS).replace(b",", b";")
    sample = read_sample(io.BytesIO(content))
    assert (sample.delimiter, sample.skip_lines) == (";", 0)
    assert sample.columns[0].name == "Call ID"


def test_given_separator_and_encoding_are_used() -> None:
    content = of_columns(COLUMNS | {"Agent": ["Jörg", "Änne"]}).replace(b",", b":").decode().encode("cp1252")
    content = content.replace(b"10:30:00Z", b"10.30")
    made = first(content, delimiter=":", encoding="cp1252")
    assert made["values"]["users"] == {"Jörg": "", "Änne": ""}
    assert made["export"]["encoding"] == "cp1252"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no rows"),
        (b"\n\n", "has no rows"),
        (b"a,b\n", "has no header with rows"),
        (b"a\nb\n", "has no header with rows"),
        ("Zoë,a\nb,c\n".encode("latin-1"), "line 1 is not UTF-8"),
        (b"{broken\n", "must hold one JSON object on each line"),
    ],
)
def test_what_is_no_export_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ManifestUnreadable, match=message):
        first_map(io.BytesIO(content))


def test_column_that_stands_twice_or_has_no_name_is_passed_over() -> None:
    content = cells_table(("a", "a", "", "b"), ("1", "2", "3", "4"))
    assert [column.name for column in read_sample(io.BytesIO(content)).columns] == ["b"]


def test_json_lines_are_told_and_rows_that_are_none_passed_over() -> None:
    content = objects_of({"id": 1, "user": {"email": "a@acme.com"}}) + b"{x\n" + objects_of({"id": 2})
    sample = read_sample(io.BytesIO(content))
    assert (sample.form, sample.rows) == ("jsonl", 2)
    assert [(each.name, each.values) for each in sample.columns] == [
        ("id", ("1", "2")),
        ("user.email", ("a@acme.com",)),
    ]


# --- words and looks


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("operator_email", "operator email"),
        ("from.phoneNumber", "from phone number"),
        ("Call ID (UUID)", "call id uuid"),
        ("CALL ID", "call id"),
        ("RecordingId", "recording id"),
        ("callSID", "call sid"),
        ("Lfd. Nr.", "lfd nr"),
        ("", ""),
    ],
)
def test_name_is_taken_apart_into_its_words(name: str, expected: str) -> None:
    assert words.words_of(name) == expected


def test_unit_after_a_name_does_not_count() -> None:
    columns = [Column("Talk Time (hh:mm:ss)", ("1",)), Column("Talk", ("1",))]
    assert words.named(columns, words.DURATION) == columns[:1]


@pytest.mark.parametrize(
    ("word", "direction"),
    [
        ("Inbound - Answered", "Inbound"),
        ("outbound-dial", "Outbound"),
        ("IN", "Inbound"),
        ("inbound to outbound", None),
        ("main", None),
        ("missed", None),
    ],
)
def test_direction_is_told_by_the_word_where_it_is_plain(word: str, direction: str | None) -> None:
    assert looks.direction_of(word) == direction


@pytest.mark.parametrize("values", [(), ("a", ""), ("x@acme.com", "n")])
def test_column_looks_like_something_only_if_all_of_it_does(values: tuple[str, ...]) -> None:
    assert not looks.is_email(values)
