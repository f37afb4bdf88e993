"""What is found before a manifest is handed in: told once, and of many rows in groups."""

from __future__ import annotations

from pipeline.cli.preflight.before import ROWS_TOLD_MAX, Before
from pipeline.preflight import Finding


def found(line: int, code: str = "call_invalid", message: str = "is wrong") -> Finding:
    return Finding(line, "pbx-1", code, "title", message)


def test_each_rejected_row_is_one_sentence_in_the_order_of_the_lines() -> None:
    before = Before()
    before.take([found(7), found(7, message="is too long"), found(9, "media_short")])
    before.take([found(3, "id_twice", "stands in line 1"), found(8, "media_twice")])

    assert before.sentences() == ["3: title: stands in line 1", "7: title: is wrong; title: is too long"]
    assert [line in before.rejected for line in (3, 7, 8, 9)] == [True, True, False, False]


def test_of_many_rows_no_more_are_remembered_than_are_told() -> None:
    before = Before()
    before.take(found(line) for line in range(1, 10 * ROWS_TOLD_MAX))
    assert len(before.sentences()) == ROWS_TOLD_MAX
    assert len(before.rejected) == 10 * ROWS_TOLD_MAX - 1


def test_a_row_is_right_if_it_was_looked_at_and_nothing_was_found() -> None:
    before = Before()
    assert not before.is_right(1)
    before.take([found(2)])
    before.totals.lines = 3

    assert [before.is_right(line) for line in (1, 2, 3, 4)] == [True, False, True, False]
