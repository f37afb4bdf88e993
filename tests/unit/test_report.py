"""Reports: every column, times that can be read, nothing that a spreadsheet would make something else."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger import Record
from pipeline.report import BYTE_ORDER_MARK, COLUMNS, lines_of_json, lines_of_table


def make_record(**overrides: Any) -> Record:
    fields: dict[str, Any] = {
        "manifest": "calls.csv",
        "line": 2,
        "client_unique_id": "pbx-1",
        "state": "done",
        "batch": "calls",
        "job_id": "5d7963c4f471e142f5a72214",
        "call_id": "7782342274025937895",
        "url": "https://app.gong.io/call?id=7782342274025937895",
        "bytes": 512044,
        "sha256": "ab" * 32,
        "accepted_at": 1_771_286_400.0,
        "ended_at": 1_771_286_461.5,
    }
    return Record(**(fields | overrides))


def table_of(*records: Record) -> list[dict[str, str]]:
    text = "".join(lines_of_table(records))
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


def test_the_columns_are_a_contract() -> None:
    assert COLUMNS == (
        "manifest", "line", "client_unique_id", "state", "call_id", "url", "adopted", "attempts", "bytes",
        "sha256", "accepted_at", "ended_at", "step", "code", "reason", "request_id", "batch",
    )  # fmt: skip


def test_a_line_of_json_says_everything_as_it_is() -> None:
    (line,) = lines_of_json([make_record()])

    assert json.loads(line) == {
        "manifest": "calls.csv",
        "line": 2,
        "client_unique_id": "pbx-1",
        "state": "done",
        "call_id": "7782342274025937895",
        "url": "https://app.gong.io/call?id=7782342274025937895",
        "adopted": False,
        "attempts": 0,
        "bytes": 512044,
        "sha256": "ab" * 32,
        "accepted_at": "2026-02-17T00:00:00Z",
        "ended_at": "2026-02-17T00:01:01Z",
        "step": None,
        "code": None,
        "reason": None,
        "request_id": None,
        "batch": "calls",
    }


def test_a_table_has_a_line_for_each_record() -> None:
    rejected = make_record(
        line=3, state="rejected", call_id=None, bytes=None, adopted=True, code="call_invalid"
    )

    first, second = table_of(make_record(), rejected)

    assert (first["line"], first["state"], first["bytes"], first["adopted"]) == (
        "2",
        "done",
        "512044",
        "false",
    )
    assert (second["call_id"], second["bytes"], second["code"]) == ("", "", "call_invalid")
    assert second["adopted"] == "true"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ('=HYPERLINK("http://evil")', '\'=HYPERLINK("http://evil")'),
        ("+1 206-555-0142", "'+1 206-555-0142"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("'quoted", "''quoted"),
        ("7782342274025937895", "'7782342274025937895"),
        ("007", "'007"),
        ("123456789012345", "123456789012345"),
        ("pbx-1", "pbx-1"),
        ("a,b\nc\"d", "a,b\nc\"d"),
        ("nul\0", "nul\ufffd"),
    ],
)  # fmt: skip
def test_no_cell_becomes_anything_else_in_a_spreadsheet(text: str, cell: str) -> None:
    (row,) = table_of(make_record(client_unique_id=text))

    assert row["client_unique_id"] == cell


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_stands_in_a_recording_stays_in_its_cell(text: str) -> None:
    (row,) = table_of(make_record(reason=text, batch="last"))

    assert row["batch"] == "last"
    assert not row["reason"].startswith(("=", "+", "-", "@", "\t", "\r"))
