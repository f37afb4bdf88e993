"""What several commands say in the same words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.cli.sentences import when
from pipeline.documents import iso
from pipeline.printable import printable
from tests.zones import NEW_YORK, in_zone, instant


@pytest.fixture(autouse=True)
def zone() -> Iterator[None]:
    with in_zone(NEW_YORK):
        yield


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("2026-10-31T12:00:30", "in less than a minute"),
        ("2026-10-31T14:20", "today about 14:20"),
        ("2026-11-01T00:30", "on Sunday 1 November about 00:30"),
        # The clocks were changed meanwhile.
        ("2026-12-03T14:20", "on Thursday 3 December about 14:20"),
        ("2027-03-04T14:20", "on Thursday 4 March 2027 about 14:20"),
    ],
)
def test_an_instant_is_told_as_a_person_here_would(then: str, expected: str) -> None:
    assert when(instant(then), instant("2026-10-31T12:00")) == expected


def test_a_program_is_told_an_instant_with_its_zone() -> None:
    assert iso(instant("2026-11-02T12:00:30")) == "2026-11-02T12:00:30-05:00"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Nina 通話 é", "Nina 通話 é"),
        ("a\u00a0b\u3000c", "a b c"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x1b[2J\x07\x7f\x9b", r"\x1b[2J\x07\x7f\x9b"),
        ("\u202ertl\u200b\u2028", r"\u202ertl\u200b\u2028"),
        ("[bold]x[/bold] :smile:", "[bold]x[/bold] :smile:"),
        ("\ud83d", r"\ud83d"),
    ],
)
def test_foreign_text_is_one_line_without_codes(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).encode()
