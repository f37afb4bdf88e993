"""Exports of every form: tables, JSON lines, and which of their rows are recordings."""

import io
from pathlib import Path

import pytest

from pipeline.errors import ManifestUnreadable
from pipeline.manifest import Reading, RejectedRow, Row, read_manifest
from tests.unit.manifest.builders import lines_of
from tests.unit.manifest.mapping.maps import (
    CELLS,
    MAP,
    column_map,
    export_of,
    first,
    mapped,
    mapped_row,
    objects_of,
)


def test_line_breaks_in_quotation_marks_and_another_separator_are_read(tmp_path: Path) -> None:
    content = export_of(CELLS | {"Number": "a\r\nb,c"})
    by_semicolon = content.replace(b",", b";")  # that in the cell as well
    for text, table, cell in (
        (MAP, content, "a\r\nb,c"),
        ('[export]\ndelimiter = ";"\n' + MAP, by_semicolon, "a\r\nb;c"),
    ):
        (row,) = read_manifest(io.BytesIO(table), reading=Reading(column_map=column_map(text, tmp_path)))
        assert isinstance(row, Row)
        assert row.call["parties"][1] == {"phoneNumber": cell}


def test_quotation_mark_that_is_not_closed_costs_its_line_alone(tmp_path: Path) -> None:
    header, good = export_of(CELLS).splitlines(keepends=True)
    content = header + good.replace(b"Jane", b'"Jane') + good * 2 + good.replace(b"7.wav", b'7.wav"')
    rows = list(read_manifest(io.BytesIO(content), reading=Reading(column_map=column_map(MAP, tmp_path))))
    assert lines_of(rows)[:3] == [("RejectedRow", 2), ("Row", 3), ("Row", 4)]


def test_lines_above_the_header_are_skipped_and_counted(tmp_path: Path) -> None:
    content = b'Report of "calls"\nby Jane\n\n' + export_of(CELLS)
    column = column_map("[export]\nskip_lines = 2\n" + MAP, tmp_path)
    assert lines_of(list(read_manifest(io.BytesIO(content), reading=Reading(column_map=column)))) == [
        ("Row", 5)
    ]


def test_blank_lines_at_the_very_top_are_counted_as_a_first_map_counts_them(tmp_path: Path) -> None:
    content = b"\nReport\n \n" + export_of(CELLS)
    skipped = first(content)["export"]["skip_lines"]
    column = column_map(f"[export]\nskip_lines = {skipped}\n" + MAP, tmp_path)
    assert skipped == 3
    assert lines_of(list(read_manifest(io.BytesIO(content), reading=Reading(column_map=column)))) == [
        ("Row", 5)
    ]


def test_table_without_header_has_the_columns_of_the_map(tmp_path: Path) -> None:
    content = b"".join(export_of(CELLS).splitlines(keepends=True)[1:])
    column = column_map(f"[export]\ncolumns = {list(CELLS)}\n" + MAP, tmp_path)
    assert lines_of(list(read_manifest(io.BytesIO(content), reading=Reading(column_map=column)))) == [
        ("Row", 1)
    ]


def test_words_that_count_as_empty_are_absent(tmp_path: Path) -> None:
    text = '[export]\nempty_words = ["N/A"]\n' + MAP
    assert len(mapped_row(text, tmp_path, Number="n/a").call["parties"]) == 1


def test_options_go_before_the_map(tmp_path: Path) -> None:
    column = column_map('[export]\ndelimiter = ";"\nencoding = "utf-16"\nformat = "jsonl"\n' + MAP, tmp_path)
    reading = Reading("csv", "utf-8", ",", column)
    assert lines_of(list(read_manifest(io.BytesIO(export_of(CELLS)), reading=reading))) == [("Row", 2)]


def test_standard_input_needs_no_form_beside_a_map_that_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(export_of(CELLS))))
    column = column_map('[export]\nformat = "csv"\n' + MAP, tmp_path)
    assert lines_of(list(read_manifest(Path("-"), reading=Reading(column_map=column)))) == [("Row", 2)]


NESTED = (
    MAP.replace('"Call ID"', '"id"').replace('"Number"', '"from.phone"').replace('"File"', '"recording.id"')
    + '\n[rows]\nfilled = ["recording"]\n'
)


def nested(**members: object) -> dict[str, object]:
    return {
        "id": 7,
        "Date": "2026-02-17T10:30:00Z",
        "Type": "in",
        "Agent": "Jane Doe",
        "from": {"phone": "+44"},
        "recording": {"id": "r7"},
        **members,
    }


def read_objects(text: str, folder: Path, content: bytes) -> list[Row | RejectedRow]:
    return list(read_manifest(io.BytesIO(content), reading=Reading(column_map=column_map(text, folder))))


def test_json_lines_are_mapped_by_paths(tmp_path: Path) -> None:
    content = objects_of(nested()) + b"\n{broken\n" + objects_of(nested(recording=None), nested(id=8))
    rows = read_objects(NESTED, tmp_path, content)
    assert lines_of(rows) == [("Row", 1), ("RejectedRow", 3), ("Row", 5)]
    assert isinstance(rows[0], Row)
    assert (rows[0].call["clientUniqueId"], rows[0].media) == ("7", "r7")


def test_path_that_is_in_no_row_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ManifestUnreadable) as raised:
        read_objects(
            NESTED, tmp_path, objects_of({key: value for key, value in nested().items() if key != "from"})
        )
    assert "there is no column 'from.phone'" in str(raised.value)
    assert "The columns of the first 1 rows of The manifest are 'id', 'Date'" in str(raised.value)


def test_path_that_only_later_rows_have_may_be_named_in_the_map(tmp_path: Path) -> None:
    without = {key: value for key, value in nested().items() if key != "from"}
    content = objects_of(without) * 1001 + objects_of(nested(id=8))
    with pytest.raises(ManifestUnreadable, match="the first 1000 rows"):
        read_objects(NESTED, tmp_path, content)
    rows = read_objects('[export]\ncolumns = ["from.phone"]\n' + NESTED, tmp_path, content)
    assert len(rows) == 1002
    assert isinstance(rows[-1], Row)
    assert rows[-1].call["parties"][1] == {"phoneNumber": "+44"}


# --- which rows are recordings


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ('only = { Type = ["IN", "out"] }', [2, 3]),
        ('skip = { Type = ["in"] }', [3, 4]),
        ('filled = ["Number"]', [2, 4]),
        ('only = { Type = ["in", "out"] }\nfilled = ["Number"]', [2]),
        ('skip = { Type = ["in"], Agent = ["nobody"] }', [3, 4]),
    ],
)
def test_rows_that_are_no_recordings_are_left_out_and_counted(
    tmp_path: Path, rules: str, kept: list[int]
) -> None:
    column = column_map(f"{MAP}[rows]\n{rules}\n", tmp_path)
    content = export_of(
        CELLS | {"Type": "in"}, CELLS | {"Type": "out", "Number": ""}, CELLS | {"Type": "unknown"}
    )
    rows = list(read_manifest(io.BytesIO(content), reading=Reading(column_map=column)))
    assert [row.line for row in rows] == kept
    assert column.left_out == 3 - len(kept)


def test_export_of_which_all_rows_are_left_out_has_none_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(ManifestUnreadable, match=r"has no rows but 2 that \[rows\] of the map leaves out"):
        mapped(MAP + '[rows]\nonly = { Type = ["x"] }\n', tmp_path, CELLS, CELLS)
