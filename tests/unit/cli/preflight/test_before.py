"""What is found before a manifest is handed in: told once, and of many rows in groups."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.preflight.before import ROWS_TOLD_MAX, Before
from pipeline.manifest import Reading
from pipeline.preflight import Check, Finding, check_manifest
from tests.unit.manifest.builders import make_call


class _Taking:
    """Takes what is found for somebody who is to know of nothing else."""

    def __init__(self, before: Before) -> None:
        self._before = before

    def take(self, findings: Sequence[Finding], *_so_far: object) -> None:
        self._before.take(findings)


def found(line: int, code: str = "call_invalid", message: str = "is wrong") -> Finding:
    return Finding(line, "pbx-1", code, "title", message)


def test_each_rejected_row_is_one_sentence_in_the_order_of_the_lines() -> None:
    before = Before()
    before.take([found(7), found(7, message="is too long"), found(9, "media_short")])
    before.take([found(3, "id_twice", "stands in line 1"), found(8, "media_twice")])

    assert before.sentences() == ["3: title: stands in line 1", "7: title: is wrong; title: is too long"]
    assert [line in before.rejected for line in (3, 7, 8, 9)] == [True, True, False, False]


def test_no_more_rows_are_rejected_than_are_counted(tmp_path: Path) -> None:
    """Rows with the file of another one are handed in, so that `--strict` lets them."""
    manifest, before = tmp_path / "calls.jsonl", Before()
    call = make_call()
    rows = [
        {"call": call | {"clientUniqueId": own_id, "title": title}, "media": place}
        for own_id, title, place in (("a", "1", "1.wav"), ("b", "1", "1.wav"), ("a", "2", "2.wav"))
    ]
    manifest.write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    totals = check_manifest(Check(manifest, Reading()), _Taking(before))

    assert [line in before.rejected for line in (1, 2, 3)] == [False, False, True]
    assert (totals.rejected, totals.uploads) == (len(before.rejected), 2)


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
