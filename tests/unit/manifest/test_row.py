"""Rows and rejected rows."""

from pipeline.errors import Problem
from pipeline.manifest.row import RejectedRow, UncheckedRow, malformed


def test_reason_is_one_sentence_of_all_problems() -> None:
    problems = (Problem("title", "must be text"), Problem("", "the row has 2 cells"))
    assert (
        RejectedRow(3, None, "call_invalid", problems, "").reason
        == "title: must be text; the row has 2 cells"
    )


def test_original_has_the_bytes_of_the_row_whatever_they_are() -> None:
    every_byte = bytes(range(256)) + "Zoë".encode()
    assert malformed(1, every_byte).original == every_byte


def test_client_unique_id_that_cannot_be_printed_is_left_out() -> None:
    row = UncheckedRow(1, {"clientUniqueId": "a\ud800"}, None, b"")
    assert row.rejected("call_invalid", ()).client_unique_id is None


def test_problems_are_named_as_the_manifest_names_them() -> None:
    row = UncheckedRow(1, {}, None, b"", name_in_manifest=lambda field: f"column of {field}")
    assert row.rejected("call_invalid", (Problem("title", "odd"),)).problems == (
        Problem("column of title", "odd"),
    )
