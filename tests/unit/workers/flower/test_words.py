"""Numbers, times and states as the pages write them."""

from __future__ import annotations

import pytest

from workers.flower import words


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0 %"),
        (0, 7, "0 %"),
        (7, 7, "100 %"),
        (999_999, 1_000_000, "99.9 %"),
        (1, 3, "33.3 %"),
        (1, 2, "50 %"),
    ],
)
def test_a_share_is_never_more_than_it_is(part: int, whole: int, text: str) -> None:
    assert words.percent(part, whole) == text


@pytest.mark.parametrize(("part", "whole", "text"), [(1, 4, "25.000%"), (5, 4, "100.000%"), (1, 0, "0.000%")])
def test_a_width_fits(part: int, whole: int, text: str) -> None:
    assert words.width(part, whole) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "—"),
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_500, "1.5 KB"),
        (48_000_000, "48.0 MB"),
        (1_500_000_000, "1.5 GB"),
    ],
)
def test_bytes_are_written_in_the_unit_that_fits(count: int | None, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3_600, "1 h"),
        (6_960, "1 h 56 min"),
        (86_400, "1 day"),
        (2 * 86_400 + 7_200, "2 days 2 h"),
    ],
)
def test_a_duration_is_written_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_an_instant_is_written_for_the_script_and_for_who_has_none() -> None:
    assert words.moment(1_772_280_000.5) == (
        '<time datetime="2026-02-28T12:00:00.500+00:00" data-form="short">2026-02-28 12:00:00 UTC</time>'
    )
    assert words.moment(None) == words.moment(0) == words.MISSING


def test_what_a_badge_says_is_text() -> None:
    assert words.badge("<b>") == '<span class="badge state-quiet">&lt;b&gt;</span>'


@pytest.mark.parametrize(("count", "text"), [(1, "1 row"), (2, "2 rows"), (1_000, "1,000 rows")])
def test_one_is_not_many(count: int, text: str) -> None:
    assert words.count_of(count, "row") == text
