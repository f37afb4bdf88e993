from __future__ import annotations

from bench.comparison import regressions
from bench.results import Table

COLUMNS = ("", "a second", "ratio", "share of the rate")


def make_table(*rows: tuple[str, ...], title: str = "Speed") -> Table:
    return Table(title, "Notes.", COLUMNS, rows)


BEFORE = make_table(
    ("us", "100", "1.00", "99.0%"), ("us", "100", "0.50", "50%"), ("them", "7", "", "")
).text()


def test_a_ratio_that_is_worse_by_more_than_a_fifth_is_told() -> None:
    now = make_table(("us", "100", "0.79", "99.0%"), ("us", "100", "0.41", "39%"), ("them", "7", "", ""))

    assert regressions(BEFORE, [now]) == [
        "Speed, us: ratio was 1.00, and is 0.79",
        "Speed, us: share of the rate was 50%, and is 39%",
    ]


def test_figures_and_better_ratios_and_what_was_not_there_are_no_regressions() -> None:
    worse_figure = make_table(("us", "1", "1.50", "99.0%"), ("new", "1", "0.01", "1%"))
    other = make_table(("us", "1", "0.01", "1%"), title="Another")

    assert regressions(BEFORE, [worse_figure, other]) == []
    assert regressions("", [worse_figure]) == []
