"""Where a row was read tells whether its texts can be sent, and spares the check to look at each.

Whatever stands in a row: it is refused with the very problems that its call has by itself.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.call import check_call
from pipeline.errors import CallInvalid, Problem
from pipeline.manifest import Reading, RejectedRow, UncheckedRow
from pipeline.manifest.reader import problems_of_call, rows_of
from tests.unit.call.calls import Json
from tests.unit.call.generated import JSON_VALUES, ODD_TEXTS, TEXTS, calls
from tests.unit.manifest.builders import jsonl, make_call, make_cells, table

FIELDS = ("title", "clientUniqueId", "customData", "purpose", "unknown")


def rows_in(content: bytes, form: str) -> list[UncheckedRow | RejectedRow]:
    return list(rows_of(io.BytesIO(content), Path(f"calls.{form}"), Reading()).unchecked)


def problems_by_itself(row: UncheckedRow) -> tuple[Problem, ...]:
    try:
        check_call(row.call, has_media=row.media is not None)
    except CallInvalid as refused:
        return refused.problems
    return ()


@given(calls(), st.sampled_from(FIELDS), ODD_TEXTS | TEXTS | JSON_VALUES)
def test_a_line_is_refused_as_its_call_is(call: dict[str, Json], field: str, value: Json) -> None:
    (row,) = rows_in(json.dumps({"call": call | {field: value}}).encode() + b"\n", "jsonl")

    if isinstance(row, UncheckedRow):
        assert problems_of_call(row) == problems_by_itself(row)


@given(st.sampled_from(["title", "clientUniqueId", "parties.0.name"]), ODD_TEXTS | TEXTS)
def test_a_row_of_cells_is_refused_as_its_call_is(field: str, cell: str) -> None:
    for row in rows_in(table(make_cells(**{field: cell})), "csv"):
        if isinstance(row, UncheckedRow):
            assert problems_of_call(row) == problems_by_itself(row)


@pytest.mark.parametrize("text", ["\0", "\ud800", "a\udc00b"])
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_cannot_be_sent_is_found_in_either_form(text: str, form: str) -> None:
    if form == "jsonl":
        content = jsonl({"call": make_call(title=text), "media": "a.wav"})
    else:
        content = table(make_cells(title=text))

    (row,) = rows_in(content, form)

    assert isinstance(row, RejectedRow) or problems_of_call(row)
