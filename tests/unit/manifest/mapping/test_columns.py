"""The columns of an export."""

from typing import Any

import pytest

from pipeline.call import decode_call
from pipeline.manifest.mapping.columns import ExportColumns, paths_of, unwrapped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('="0049"', "0049"),
        ('=" 0049 "', "0049"),
        ("'+4989555010", "+4989555010"),
        ("'=1+1", "=1+1"),
        ("'quoted'", "'quoted'"),
        ("'", "'"),
        ("=", "="),
        ('=""', ""),
        ('="', '="'),
        ("=SUM(A1)", "=SUM(A1)"),
    ],
)
def test_what_keeps_a_spreadsheet_from_changing_a_cell_is_taken_off(text: str, expected: str) -> None:
    assert unwrapped(text) == expected
    assert ExportColumns(["a"], "x").read("a")([f" {text} "]) == expected


def test_cell_keeps_its_form_but_for_white_space_around_it() -> None:
    read = ExportColumns(["a", "b"], "x").read("b")
    assert read(["", " 0044 20 \t"]) == "0044 20"
    assert read(["", "  "]) == ""


def test_words_that_count_as_empty_are_empty_in_any_case() -> None:
    read = ExportColumns(["a"], "x").read("a", ["N/A", "-"])
    assert [read([cell]) for cell in ("n/a", " - ", "-1", "a")] == ["", "", "-1", "a"]


def test_column_that_is_not_there_is_told_with_the_nearest() -> None:
    columns = ExportColumns(["Call ID", "Start Time"], "x")
    assert columns.problem("Call ID") is None
    assert columns.problem("Call Id") == "there is no column 'Call Id'; is 'Call ID' meant?"
    assert columns.problem("zzz") == "there is no column 'zzz'"


def test_column_that_is_there_twice_is_refused() -> None:
    assert "stands there 2 times" in str(ExportColumns(["a", "b", "a"], "x").problem("a"))
    assert ExportColumns(["a", "b", "a"], "x").problem("b") is None


def test_long_list_of_columns_is_cut() -> None:
    names = [f"c{place}" for place in range(100)]
    assert ExportColumns(names, "x").listed().endswith("'c59' and 40 more")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("id", "62264425005"),
        ("long", "12345678901234567890123"),
        ("from.phoneNumber", "+1555"),
        ("legs.1.to", "b"),
        ("dotted.name", "exact"),
        ("flag", "true"),
        ("price", "1.50"),
        ("nothing", ""),
        ("absent.below", ""),
        ("legs.7.to", ""),
        ("from", '{"phoneNumber":"+1555"}'),
        ("legs", '[{"to":"a"},{"to":"b"}]'),
        ("padded", "x"),
    ],
)
def test_member_of_an_object_is_read_by_its_path(path: str, text: str) -> None:
    record: dict[str, Any] = decode_call(
        '{"id": 62264425005, "long": 12345678901234567890123, "from": {"phoneNumber": "+1555"}, '
        '"legs": [{"to": "a"}, {"to": "b"}], "dotted.name": "exact", "flag": true, "price": 1.50, '
        '"nothing": null, "padded": " x "}'
    )
    assert ExportColumns([path], "x", nested=True).read(path)(record) == text


def test_paths_are_those_of_all_members_to_a_depth_and_a_breadth() -> None:
    deep: Any = "end"
    for _ in range(50):
        deep = {"a": deep}
    record = {"id": 1, "from": {"name": "x"}, "legs": [{"to": 1}] * 100, "deep": deep}
    found = paths_of(record)
    assert found[:6] == ["id", "from", "from.name", "legs", "legs.0", "legs.0.to"]
    assert "legs.9.to" in found
    assert "legs.10" not in found
    assert max(path.count(".a") for path in found) < 10
