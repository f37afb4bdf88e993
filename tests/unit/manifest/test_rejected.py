"""Rejected rows in a file: written as they were, and read again as what they were."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import os
import stat
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import Problem, SettingsInvalid
from pipeline.manifest import Reading, RejectedRow, Row, read_manifest, read_map
from pipeline.manifest.lines import MAX_LINE_BYTES
from pipeline.manifest.rejected.file import RejectedFile, own_name
from pipeline.manifest.row import MAX_ROW_BYTES
from tests.unit.manifest.builders import cells_table, jsonl, lines_of, make_call, make_cells, table

GOOD = make_cells()
SAMPLE = Path(__file__).parents[3] / "examples" / "mappings"


def reject(path: Path, reading: Reading | None = None, wanted: Path | None = None) -> Path | None:
    """Read a manifest and write its rejected rows; gives where they are."""
    manifest = read_manifest(path, reading=reading or Reading())
    file = RejectedFile(manifest, wanted)
    for row in manifest:
        if isinstance(row, RejectedRow):
            file.add(row)
    file.finish()
    return file.path if file.path.exists() else None


def rejected_of(path: Path, reading: Reading | None = None) -> list[RejectedRow]:
    return [row for row in read_manifest(path, reading=reading or Reading()) if isinstance(row, RejectedRow)]


def known_by(rows: Sequence[RejectedRow]) -> list[tuple[int, str, str]]:
    return [(row.line, row.raw, row.code) for row in rows]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- as they were, and known by the line that they had


BAD_LINES = [
    b'{"call": {',
    b'["no", "object"]',
    b'{"call": {"clientUniqueId": "=cmd"}, "media": "a.wav", "note": 1.50}',
    b'  {  "call":{"clientUniqueId":"J\xc3\xb6rg \xe2\x80\xa8"} , "media":"a.wav"}  ',
    b"{}",
    b'{"call": {}, "call": {}}',
    b'{"rejected": true, "call": {}}',
    b"\xff not UTF-8",
    b"half of a pair: \xed\xa0\x80 and \xed\xb0\x80",
    b"NUL \0",
    b'{"call": {"title": "\\ud800"}}',
    b'{"call": {"title": "' + b"x" * (MAX_ROW_BYTES - 100) + b'"}}',
]


def test_json_lines_of_every_kind_are_read_again_as_what_they_were(folder: Path) -> None:
    good = jsonl({"call": make_call(), "media": "a.wav"})
    (folder / "calls.jsonl").write_bytes(good + b"\n".join(BAD_LINES) + b"\n" + good)
    first = rejected_of(Path("calls.jsonl"))
    assert [row.raw.encode("utf-8", "surrogateescape") for row in first] == BAD_LINES

    path = reject(Path("calls.jsonl"))

    assert path == Path("calls.rejected.jsonl")
    again = read_manifest(path)
    assert again.is_replay
    rows = [row for row in again if isinstance(row, RejectedRow)]
    assert [row.here for row in rows] == [*range(1, len(BAD_LINES) + 1)]
    # White space where an object begins is nothing; a row that is nearly too long has no room for a reason.
    assert known_by(rows[:-1]) == [
        (line, raw.replace("  {  ", "{", 1), code) for line, raw, code in known_by(first)[:-1]
    ]
    assert rows[-1].line == len(BAD_LINES) + 1
    before = path.read_bytes()
    reject(path)
    assert path.read_bytes().splitlines()[:-1] == before.splitlines()[:-1]


def test_an_object_has_one_more_member_in_front(folder: Path) -> None:
    (folder / "calls.jsonl").write_bytes(b'\n{"call": {"clientUniqueId": ""}, "media": "a.wav"}\n[1, 2]\n')

    reject(Path("calls.jsonl"))

    first, second = (folder / "calls.rejected.jsonl").read_text().splitlines()
    document = json.loads(first)
    assert [*document] == ["rejected", "call", "media"]
    assert document["rejected"]["line"] == 2
    assert document["rejected"]["reason"].startswith("clientUniqueId: must not be empty")
    assert first.endswith(', "call": {"clientUniqueId": ""}, "media": "a.wav"}')
    told = json.loads(second)["rejected"]
    assert (told["line"], told["row"]) == (3, "[1, 2]")


BAD_ROWS = [
    b'pbx-2,"never closed,Inbound,7,7,a.wav',
    b'pbx-3,2026,"a ""quoted"" word\r\nand a line break",7,7,a.wav',
    b"pbx-4,2026",
    b"pbx-5,2026,Inbound,7,7,a.wav,one,more",
    b"=1+2,yesterday,Inbound,7,7,J\xc3\xb6rg.wav",
    b"\xff,2026,Inbound,7,7,a.wav",
    b'pbx-7,"2026"x,Inbound,7,7,a.wav',
    b'"pbx-8","2026-02-17T02:30:00Z","Sideways","7","7","a.wav"',
]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_rows_of_every_kind_are_read_again_as_what_they_were(folder: Path, separator: str) -> None:
    name = "calls.tsv" if separator == "\t" else "calls.csv"
    good = table(GOOD)
    content = (good + b"\r\n".join(BAD_ROWS) + b"\r\n" + good.splitlines()[1]).replace(
        b",", separator.encode()
    )
    (folder / name).write_bytes(content)
    reading = Reading(delimiter=separator)
    first = rejected_of(Path(name), reading)
    assert len(first) == len(BAD_ROWS)

    path = reject(Path(name), reading)

    assert path == Path(name.replace(".", ".rejected."))
    # The header says what the separator is.
    again = rejected_of(path)
    assert known_by(again) == known_by(first)
    reject(path)
    assert known_by(rejected_of(path)) == known_by(first)
    assert {each.name for each in folder.iterdir()} == {name, path.name}


def test_two_columns_stand_in_front_of_the_rows_own_bytes(folder: Path) -> None:
    (folder / "calls.csv").write_bytes(table(GOOD, make_cells(direction="Side ways")))

    reject(Path("calls.csv"))

    content = (folder / "calls.rejected.csv").read_bytes()
    assert content.startswith(codecs.BOM_UTF8 + b"rejected_line,rejected_reason,clientUniqueId,")
    header, row = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert dict(zip(header, row, strict=True)) == make_cells(direction="Side ways") | {
        "rejected_line": "3",
        "rejected_reason": row[1],
    }
    assert row[1].startswith("direction: ")
    assert content.endswith(table(make_cells(direction="Side ways")).splitlines(keepends=True)[1])


@pytest.mark.parametrize("start", "=+-@")
def test_no_reason_is_a_formula_and_none_has_line_breaks(folder: Path, start: str) -> None:
    (folder / "calls.csv").write_bytes(table(make_cells(direction="")))
    (row,) = rejected_of(Path("calls.csv"))
    file = RejectedFile(read_manifest(Path("calls.csv")))

    file.add(replace(row, problems=(Problem("", f"{start}1\r\n+2\t\x00"),)))

    file.finish()
    *_, cells = csv.reader(io.StringIO(file.path.read_bytes().decode("utf-8-sig"), newline=""))
    assert cells[:2] == ["2", f"'{start}1 +2 "]


def test_a_row_that_is_too_long_stays_too_long(folder: Path) -> None:
    long = table(make_cells(title="x" * MAX_LINE_BYTES))
    (folder / "calls.csv").write_bytes(long)
    path = Path("calls.csv")
    for _ in range(4):
        path = reject(path) or path
        (row,) = rejected_of(path)
        assert (row.line, row.code) == (2, "row_malformed")
        assert "longer than 1 MiB" in row.reason
    # Not even without its reason does it have room for itself.
    path.write_bytes(path.read_bytes().replace(row.reason.encode(), b""))
    (row,) = rejected_of(path)
    assert (row.line, row.code) == (2, "row_malformed")


# --- mended


def test_mended_json_lines_have_the_lines_that_they_had(folder: Path) -> None:
    good = {"call": make_call(), "media": "a.wav"}
    lines = [
        {"rejected": {"line": 17, "reason": "x"}} | good,
        {"rejected": {"line": 18, "reason": "x", "row": "{"}} | good,
        {"rejected": {"line": 19, "reason": "x", "row": json.dumps(good)}},
        good | {"rejected": {"line": 20, "reason": "x"}},
        {"rejected": {"line": 21}} | good,
        *({"rejected": {"line": odd, "reason": "x"}} | good for odd in ("7", 0, -1, 2.5, True, None)),
        good,
        {"rejected": {"lines": 1}} | good,
    ]
    (folder / "calls.jsonl").write_bytes(jsonl(*lines))

    rows = list(read_manifest(Path("calls.jsonl")))

    assert lines_of(rows[:-1]) == [("Row", line) for line in (17, 18, 19, 20, 21, *range(6, 13))]
    assert isinstance(rows[0], Row)
    assert (rows[0].original, rows[0].line_here) == (json.dumps(good).encode(), 1)
    assert isinstance(rows[-1], RejectedRow)
    assert "rejected: is not known here" in rows[-1].reason


def test_a_line_that_was_mended_badly_keeps_its_line(folder: Path) -> None:
    (folder / "calls.jsonl").write_bytes(b'{"rejected": {"line": 17, "reason": "x"}, "call": {broken}\n')

    (row,) = rejected_of(Path("calls.jsonl"))

    assert (row.line, row.here, row.raw) == (17, 1, '{"call": {broken}')


def saved_by_a_spreadsheet(separator: str, encoding: str, quoting: int) -> bytes:
    header = ["rejected_line", "rejected_reason", *GOOD, "", ""]
    rows = [
        ["17", "direction: no\nword", *GOOD.values(), "", ""],
        ["18", "", *make_cells(direction="").values(), "", ""],
        ["", "", *make_cells(clientUniqueId="new").values(), "", ""],
        ["x7", "", *make_cells(clientUniqueId="odd").values(), "", ""],
        ["21", "", *GOOD.values(), "too", "many"],
    ]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, quoting=quoting).writerows([header, *rows])  # type: ignore[arg-type]  # as the case says
    return text.getvalue().encode(encoding)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize(
    ("separator", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), (",", "utf-8-sig")]
)
def test_a_table_may_have_been_saved_by_a_spreadsheet(
    folder: Path, separator: str, encoding: str, quoting: int
) -> None:
    (folder / "calls.rejected.csv").write_bytes(saved_by_a_spreadsheet(separator, encoding, quoting))

    manifest = read_manifest(Path("calls.rejected.csv"))
    rows = list(manifest)

    assert manifest.is_replay
    # The reason of the first has a line break, so that the others stand a line further below.
    assert lines_of(rows) == [
        ("Row", 17),
        ("RejectedRow", 18),
        ("Row", 5),
        ("Row", 6),
        ("RejectedRow", 21),
    ]
    assert all(row.media == "a.wav" for row in rows[:4])


def test_what_a_spreadsheet_says_of_the_separator_is_no_row(folder: Path) -> None:
    content = b"sep=;\r\n" + saved_by_a_spreadsheet(";", "utf-8", csv.QUOTE_MINIMAL)
    (folder / "calls.rejected.csv").write_bytes(content)

    assert lines_of(list(read_manifest(Path("calls.rejected.csv"))))[0] == ("Row", 17)


def test_a_table_of_other_first_columns_is_none_of_rejected_rows(folder: Path) -> None:
    (folder / "calls.csv").write_bytes(cells_table(("rejected_line", *GOOD), ("7", *GOOD.values())))

    with pytest.raises(Exception, match="column 'rejected_line' is not known"):
        read_manifest(Path("calls.csv"))


# --- exports


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLE.glob("*.toml")))
def test_every_example_is_replayed_with_its_own_map(folder: Path, name: str) -> None:
    export = next(path for path in SAMPLE.glob(f"{name}.*") if path.suffix != ".toml")
    reading = Reading(column_map=read_map(SAMPLE / f"{name}.toml"))
    rows = list(read_manifest(export, reading=reading))
    manifest = read_manifest(export, reading=reading)
    file = RejectedFile(manifest, folder / f"all.rejected{export.suffix}")
    for row in manifest:
        assert isinstance(row, Row)
        file.add(row.rejected("conflict", (Problem("clientUniqueId", "is known"),)))
    file.finish()

    again = read_manifest(file.path, reading=Reading(column_map=read_map(SAMPLE / f"{name}.toml")))

    assert again.is_replay
    assert list(again) == rows


MAP = """
[call]
clientUniqueId = "Id"
actualStart = "Start"
direction = { constant = "Unknown" }
primaryUser = { constant = "7" }
title = "Name"
[[call.parties]]
rep = true
[media]
column = "File"
"""
HEADERLESS = '[export]\ndelimiter = ";"\nskip_lines = 2\ncolumns = ["Id", "Start", "Name", "File"]\n'


def test_an_export_without_header_gets_one(folder: Path) -> None:
    (folder / "map.toml").write_text(HEADERLESS + 'encoding = "latin-1"\n' + MAP)
    text = "Export of\n17 February\n1;2026-02-17T02:30:00Z;Jörg;a.wav\n2;yesterday;Bjørn;b.wav\n"
    (folder / "export.csv").write_bytes(text.encode("latin-1"))
    reading = Reading(column_map=read_map(Path("map.toml")))

    path = reject(Path("export.csv"), reading)

    assert path == Path("export.rejected.csv")
    content = path.read_text("utf-8-sig")
    assert content.startswith("rejected_line;rejected_reason;Id;Start;Name;File\n")
    path.write_text(content.replace("yesterday", "2026-02-18T02:30:00Z"), "utf-8-sig")
    (row,) = read_manifest(path, reading=reading)
    assert isinstance(row, Row)
    assert (row.line, row.media, row.call["title"]) == (4, "b.wav", "Bjørn")


def test_an_export_of_another_encoding_says_that_its_rejected_rows_are_utf_8(folder: Path) -> None:
    (folder / "map.toml").write_text('[export]\nencoding = "utf-16"\n' + MAP)
    rows = [
        {"Id": "1", "Start": "2026-02-17T02:30:00Z", "Name": "Ada", "File": "a.wav"},
        {"Id": "2", "Name": "Jörg", "File": "a.wav"},
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "export.jsonl").write_bytes(text.encode("utf-16-le"))
    reading = Reading(column_map=read_map(Path("map.toml")))

    path = reject(Path("export.jsonl"), reading)

    assert path
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    # None of the rows that are left has the column; that it is there the map says.
    (row,) = rejected_of(path, reading)
    assert (row.line, row.code) == (2, "call_invalid")
    path.write_text(
        path.read_text("utf-8-sig").replace('"Id"', '"Start": "2026-02-17T02:30:00Z", "Id"'), "utf-8-sig"
    )
    (mended,) = read_manifest(path, reading=reading)
    assert isinstance(mended, Row)
    assert mended.call["title"] == "Jörg"


# --- the file


def write_bad(path: Path, *lines: int) -> None:
    """Write JSON lines of which these are bad."""
    good = json.dumps({"call": make_call(), "media": "a.wav"})
    path.write_text("".join(f"{'{}' if line in lines else good}\n" for line in range(1, 6)))


def test_a_name_is_that_of_the_manifest() -> None:
    names = ["calls.csv", "calls.csv.gz", "calls.rejected.csv", "calls.rejected.jsonl.zst", "-", "/dev/fd/63"]
    assert [own_name(Path(name), is_replay=True) for name in names] == ["calls"] * 4 + ["stdin"] * 2
    assert own_name(Path("calls.rejected.csv"), is_replay=False) == "calls.rejected"


def test_a_manifest_that_is_only_called_so_is_not_overwritten(folder: Path) -> None:
    write_bad(path := Path("calls.rejected.jsonl"), 3)
    content = path.read_bytes()

    assert reject(path) == Path("calls.rejected.rejected.jsonl")
    assert path.read_bytes() == content


def test_nothing_is_there_until_every_row_was_read(folder: Path) -> None:
    write_bad(Path("calls.jsonl"), 1, 2)
    reject(Path("calls.jsonl"))
    content = (folder / "calls.rejected.jsonl").read_bytes()
    for path in (Path("calls.jsonl"), Path("calls.rejected.jsonl")):
        manifest = read_manifest(path)
        file = RejectedFile(manifest)
        (row, *_) = (row for row in manifest if isinstance(row, RejectedRow))
        file.add(row)

        file.discard()
        file.discard()

        assert (folder / "calls.rejected.jsonl").read_bytes() == content
        assert {each.name for each in folder.iterdir()} == {"calls.jsonl", "calls.rejected.jsonl"}


def test_rows_that_are_still_wrong_are_left_in_the_file(folder: Path) -> None:
    write_bad(Path("calls.jsonl"), 2, 4, 5)
    path = reject(Path("calls.jsonl"))
    assert path
    lines = path.read_text().splitlines()
    good = {"rejected": {"line": 4, "reason": ""}, "call": make_call(), "media": "a.wav"}
    mended = "\n".join([lines[0], json.dumps(good), lines[2]])
    path.write_text(mended)

    assert reject(path) == path

    assert [row.line for row in rejected_of(path)] == [2, 5]
    # What a person has mended is kept.
    assert Path("calls.rejected.jsonl.bak").read_text() == mended
    path.write_text(json.dumps(good))
    assert reject(path) is None
    assert {each.name for each in folder.iterdir()} == {"calls.jsonl", "calls.rejected.jsonl.bak"}


@pytest.mark.parametrize("name", ["bad.jsonl", "calls.rejected (1).jsonl", "calls-mended.ndjson"])
def test_rows_that_are_still_wrong_are_left_in_their_file_whatever_it_is_called(
    folder: Path, name: str
) -> None:
    write_bad(Path("calls.jsonl"), 2, 4)
    reject(Path("calls.jsonl"), wanted=Path(name))
    assert reject(Path(name)) == Path(name)
    assert {each.name for each in folder.iterdir()} == {"calls.jsonl", name}


def test_a_compressed_file_of_rejected_rows_is_not_overwritten(folder: Path) -> None:
    write_bad(Path("calls.jsonl"), 2, 4)
    reject(Path("calls.jsonl"), wanted=Path("bad.jsonl"))
    Path("bad.jsonl.gz").write_bytes(content := gzip.compress(Path("bad.jsonl").read_bytes()))
    assert reject(Path("bad.jsonl.gz")) == Path("bad.rejected.jsonl")
    assert Path("bad.jsonl.gz").read_bytes() == content


def test_the_same_rows_leave_nothing_behind(folder: Path) -> None:
    write_bad(Path("calls.jsonl"), 2, 4)
    for _ in range(2):
        reject(Path("calls.jsonl"))
    assert {each.name for each in folder.iterdir()} == {"calls.jsonl", "calls.rejected.jsonl"}


def test_an_old_file_is_put_aside_when_nothing_is_rejected(folder: Path) -> None:
    write_bad(Path("calls.jsonl"), 2)
    reject(Path("calls.jsonl"))
    write_bad(Path("calls.jsonl"))

    assert reject(Path("calls.jsonl")) is None

    assert {each.name for each in folder.iterdir()} == {"calls.jsonl", "calls.rejected.jsonl.bak"}


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o600, 0o600), (0o640, 0o640), (0o444, 0o644), (0o755, 0o644)]
)
def test_who_may_read_the_manifest_may_read_the_file(folder: Path, mode: int, expected: int) -> None:
    write_bad(path := Path("calls.jsonl"), 2)
    path.chmod(mode)

    written = reject(path)

    assert written
    assert stat.S_IMODE(written.stat().st_mode) == expected


def test_a_folder_that_cannot_be_written_to_is_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "exports").mkdir()
    write_bad(folder / "exports" / "calls.jsonl", 2)
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != folder / "exports")

    assert reject(folder / "exports" / "calls.jsonl") == Path("calls.rejected.jsonl")


def test_rejected_rows_of_standard_input_lie_in_the_current_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}\n")))
    path = reject(Path("-"), Reading(form="jsonl"))
    assert path == Path("stdin.rejected.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("calls.jsonl", "is the manifest itself"),
        ("./calls.jsonl", "is the manifest itself"),
        ("none/x.jsonl", "cannot be written"),
        ("/dev/null", "is no file"),
        ("folder", "is no file"),
        ("x.csv", r"ends in \.jsonl"),
    ],
)
def test_a_place_that_cannot_be_is_refused(folder: Path, wanted: str, says: str) -> None:
    (folder / "folder").mkdir()
    write_bad(Path("calls.jsonl"), 2)

    with pytest.raises(SettingsInvalid, match=says):
        RejectedFile(read_manifest(Path("calls.jsonl")), Path(wanted))


def test_a_place_may_be_named(folder: Path) -> None:
    write_bad(Path("calls.jsonl"), 2)
    assert reject(Path("calls.jsonl"), wanted=Path("x.jsonl")) == Path("x.jsonl")


def test_memory_does_not_grow_with_the_rows(folder: Path) -> None:
    write_bad(Path("calls.jsonl"), 2)
    (row,) = rejected_of(Path("calls.jsonl"))
    row = replace(row, raw="x" * 5_000)
    file = RejectedFile(read_manifest(Path("calls.jsonl")))
    tracemalloc.start()
    try:
        for _ in range(2_000):
            file.add(row)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        file.discard()
    assert peak_bytes < 1_000_000


# --- what is needed to look at a row again without the file


def test_a_rejected_row_has_its_call_and_media_where_it_could_be_read(folder: Path) -> None:
    bad = make_call(direction="Sideways")
    lines = [
        {"call": bad, "media": "a.wav"},
        {"call": make_call(), "media": "a.wav", "note": 1},
        [],
        {"call": bad},
    ]
    (folder / "calls.jsonl").write_bytes(jsonl(*lines))

    rows = rejected_of(Path("calls.jsonl"))

    assert [(row.call, row.media) for row in rows] == [
        (bad, "a.wav"),
        (None, None),
        (None, None),
        (bad, None),
    ]
