"""The cutter: whatever stands in a manifest, the pieces have the rows that one reader reads."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.errors import ManifestUnreadable
from pipeline.manifest import Form, Reading, RejectedRow
from pipeline.manifest.lines import MAX_LINE_BYTES
from pipeline.manifest.reader import rows_of
from pipeline.manifest.row import UncheckedRow
from pipeline.preflight.cutter import Cutter
from pipeline.preflight.inspector import Piece, Pieces
from tests.unit.manifest.builders import make_call, make_cells

PATH = Path("calls")
HEADER = ",".join(make_cells())
ROW = ",".join(make_cells().values())
FEWEST_SEPARATORS = 5

Told = tuple[int, str, str]


def told(row: UncheckedRow | RejectedRow, line: int) -> Told:
    """What a row comes to: its line, and its call or its problems."""
    if isinstance(row, RejectedRow):
        return line, row.code, row.reason
    return line, json.dumps(row.call), str(row.media)


def read_by_one(content: bytes, reading: Reading) -> list[Told]:
    return [told(row, row.line) for row in rows_of(io.BytesIO(content), PATH, reading).unchecked]


def read_in_pieces(content: bytes, reading: Reading, *, piece_bytes: int = 1) -> tuple[list[Told], int]:
    """Read through a cutter, and the pieces by another; gives all rows, and how many were in pieces."""
    pieces: list[Piece] = []
    cutter = Cutter(io.BytesIO(content), "calls", pieces.append, piece_bytes=piece_bytes)
    rows = rows_of(cutter, PATH, reading)
    here = []
    is_cutting = False
    for row in rows.unchecked:
        here.append(told(row, row.line + cutter.lines_ahead))
        if cutter.row_was_read(row.line) and not is_cutting:
            cutter.take_out(rows.shape, fewest_separators=FEWEST_SEPARATORS)
            is_cutting = True
    cutter.flush()
    if not pieces:
        return here, 0
    elsewhere = read_pieces(cutter.beginning, pieces, reading)
    return sorted(here + elsewhere), len(elsewhere)


def read_pieces(beginning: bytes, pieces: list[Piece], reading: Reading) -> list[Told]:
    asked = 0

    def count() -> None:
        nonlocal asked
        asked += 1

    text = Pieces(beginning, iter(pieces), count)
    return [told(row, row.line + text.lines_ahead) for row in rows_of(text, PATH, reading).unchecked if asked]


def form(name: Form) -> Reading:
    return Reading(form=name)


LINES = st.sampled_from(
    [
        ROW,
        ROW.replace("pbx-1", '"pbx, 1"'),
        ROW.replace("a.wav", '"a\nb.wav"'),
        ROW.replace("a.wav", '"a\r\n""b"",\n\nc.wav"'),
        ROW.replace("pbx-1", '5" pipe'),
        ROW.replace("pbx-1", '"never closed'),
        ROW.replace("a.wav", 'closed at the end"'),
        ROW.replace("pbx-1", 'closed at the beginning"'),
        ROW.replace("a.wav", '"a"b'),
        ROW.replace("pbx-1", "a\rb"),
        ROW + ",one cell too many",
        ROW.replace("pbx-1", "\xff"),
        '"",,,,,',
        '"\n",,,,,',
        "",
        "sep=;",
        '"',
        '""',
        ",,,,,",
    ]
)
ENDS = st.sampled_from(["\n", "\r\n"])


@settings(max_examples=400)
@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.booleans(), st.integers(1, 400))
@example([(ROW.replace("pbx-1", opened), "\n") for opened in ('"never closed', "pbx-2", 'b"')], True, 1)
def test_a_table_in_pieces_has_the_rows_of_the_whole(
    lines: list[tuple[str, str]], ends: bool, piece_bytes: int
) -> None:
    text = f"{HEADER}\n{ROW}\n" + "".join(line + end for line, end in lines)
    content = (text if ends else text.rstrip("\r\n")).encode("latin-1")

    rows, _ = read_in_pieces(content, form("csv"), piece_bytes=piece_bytes)

    assert rows == read_by_one(content, form("csv"))


@settings(max_examples=200)
@given(st.text('a",\n', max_size=40), st.booleans())
def test_quotation_marks_anywhere_change_no_row(text: str, semicolons: bool) -> None:
    content = f"{HEADER}\n{ROW}\n{ROW}\n{text}\n{ROW}\n"
    if semicolons:
        content = "sep=;\n" + content.replace(",", ";")

    rows, _ = read_in_pieces(content.encode(), form("csv"))

    assert rows == read_by_one(content.encode(), form("csv"))


def jsonl_line(number: int) -> str:
    return json.dumps({"call": make_call(clientUniqueId=f"pbx-{number}"), "media": "a.wav"})


def test_json_lines_in_pieces_have_the_rows_of_the_whole() -> None:
    odd = ["", "{", "[1]", " ", '{"call": 1}', "\ufeff{}", "nul\0"]
    content = "\n".join([jsonl_line(0), *odd, jsonl_line(1), *odd, jsonl_line(2)]).encode()

    rows, in_pieces = read_in_pieces(content, form("jsonl"), piece_bytes=150)

    assert rows == read_by_one(content, form("jsonl"))
    assert in_pieces == len(rows) - 1


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_a_row_that_is_too_long_costs_no_other(name: Form) -> None:
    row, beginning = (ROW, f"{HEADER}\n") if name == "csv" else (jsonl_line(1), "")
    too_long = row.replace("pbx-1", "x" * (2 * MAX_LINE_BYTES))
    content = f"{beginning}{row}\n{row}\n{too_long}\n{row}\n".encode()

    rows, in_pieces = read_in_pieces(content, form(name))

    assert rows == read_by_one(content, form(name))
    assert [line for line, *_ in rows] == list(range(rows[0][0], rows[0][0] + 4))
    assert in_pieces == 2


def test_rows_of_common_tables_are_all_in_pieces() -> None:
    quoted = ROW.replace("pbx-1", '"said ""yes"", twice"')
    noted = ROW.replace("pbx-1", '"a note\nof three\nlines"')
    content = "\n".join([HEADER, ROW, *[quoted, noted, ROW] * 20]).encode()

    rows, in_pieces = read_in_pieces(content, form("csv"), piece_bytes=300)

    assert rows == read_by_one(content, form("csv"))
    assert in_pieces == len(rows) - 1


def test_a_manifest_that_cannot_be_read_on_is_told_with_its_line() -> None:
    class Failing(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            line = super().readline(-1 if size is None else size)
            if b"last" in line:
                raise OSError(5, "Input/output error")
            return line

    rows_before = "".join(f"{jsonl_line(number)}\n" for number in range(7))
    cutter = Cutter(Failing(f"{rows_before}last\n".encode()), "calls", lambda _piece: None)

    def read_all() -> None:
        for row in rows_of(cutter, PATH, form("jsonl")).unchecked:
            if cutter.row_was_read(row.line):
                cutter.take_out(None, fewest_separators=1)

    with pytest.raises(ManifestUnreadable, match="beyond line 7: Input/output error"):
        read_all()
