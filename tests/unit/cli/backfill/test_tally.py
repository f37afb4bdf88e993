"""Rows are counted, and the rejected ones told: those that were not told before, and not all of very many."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.cli.backfill.rejected import RejectedRows
from pipeline.cli.backfill.tally import Tally
from pipeline.cli.preflight.before import ROWS_TOLD_MAX
from pipeline.errors import Problem
from pipeline.job import Receipt, State
from pipeline.manifest import RejectedRow, Row, read_manifest
from pipeline.manifest.rejected.file import RejectedFile
from pipeline.producer import Handed
from tests.unit.manifest.builders import make_call


@pytest.fixture
def tally(tmp_path: Path) -> Tally:
    manifest = tmp_path / "calls.jsonl"
    manifest.write_text("{}\n")
    console = Console(file=io.StringIO(), emoji=False)
    rejected_rows = RejectedRows(RejectedFile(read_manifest(manifest)))
    return Tally(Path("calls.jsonl"), "calls", console, rejected_rows)


def told(tally: Tally) -> list[str]:
    assert isinstance(tally.console.file, io.StringIO)
    return tally.console.file.getvalue().splitlines()


def rejected(line: int) -> RejectedRow:
    return RejectedRow(line, None, "conflict", (Problem("title", "is [red]wrong[/red]"),), "{}")


def test_rows_are_counted_by_what_the_ledger_says(tally: Tally) -> None:
    row = Row(1, make_call(), "a.wav")
    for result, batch in (("new", "calls"), ("known", "calls"), ("known", "earlier")):
        tally.take(Handed(row, Receipt(f"job-{batch}", result, State.PENDING, batch)))
    tally.take(rejected(4))

    assert (tally.total, tally.submitted, tally.known, tally.rejected) == (4, 1, 2, 1)
    assert tally.elsewhere == ["job-earlier"]
    assert tally.rejected_rows.file.rows == 1
    tally.rejected_rows.file.discard()


def test_a_row_that_was_told_before_is_not_told_again(tally: Tally) -> None:
    tally.before.rejected.add(3)
    tally.take(rejected(3))
    tally.take(rejected(4))
    tally.finish()

    assert told(tally) == ["calls.jsonl:4: title: is [red]wrong[/red]"]
    assert tally.rejected_rows.file.rows == 2
    tally.rejected_rows.file.discard()


def test_very_many_rows_are_told_by_their_number(tally: Tally) -> None:
    for line in range(1, ROWS_TOLD_MAX + 3):
        tally.take(rejected(line))
    tally.finish()

    assert len(told(tally)) == ROWS_TOLD_MAX + 1
    assert told(tally)[-1] == "… and 2 more rows are rejected."
    assert tally.rejected_rows.file.rows == ROWS_TOLD_MAX + 2
    tally.rejected_rows.file.discard()
