"""What is found, and how it is counted."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.preflight.finding import Finding, Inspected, LineSet


def make_finding(line: int, **overrides: Any) -> Finding:
    return Finding(line, "pbx-1", "call_invalid", "title", "is wrong")._replace(**overrides)


@given(st.lists(st.integers(1, 5_000)))
def test_a_line_is_new_once(lines: list[int]) -> None:
    found, seen = LineSet(), set[int]()
    for line in lines:
        assert found.add(line) is (line not in seen)
        seen.add(line)


def test_a_set_of_ten_million_lines_takes_little_memory() -> None:
    lines = LineSet()
    lines.add(10_000_000)
    assert len(lines._bits) < 1_500_000


def test_stretches_come_together_in_the_order_of_their_lines() -> None:
    found = Inspected(rows=3, rejected=2, findings=[make_finding(1), make_finding(5)], uploads=[(3, "a")])

    found.add(
        Inspected(rows=1, rejected=1, left_out=2, findings=[Finding(4, None, "row_malformed", "", "x")])
    )

    assert [finding.line for finding in found.findings] == [1, 4, 5]
    assert (found.rows, found.rejected, found.left_out, found.uploads) == (4, 3, 2, [(3, "a")])


def test_a_sentence_has_the_field_unless_it_names_the_media() -> None:
    assert make_finding(1).sentence == "title: is wrong"
    assert make_finding(1, field="media", message="The media is gone.").sentence == "The media is gone."
    assert make_finding(1, field="", message="is no JSON").sentence == "is no JSON"
