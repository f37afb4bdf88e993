from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bench.comparison import committed, is_judged, regressions
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


@pytest.mark.parametrize(
    "column",
    [
        *("ratio", "ratio by the client's time", "ours ÷ curl", "ours ÷ that", "slowest ÷ fastest"),
        *("gong-ingest by it", "gong-ingest by it, by processor time", "by the shortest"),
        *("on 2 free cores", "on 4 free cores"),
    ],
)
def test_what_we_are_to_others_is_judged_whoever_the_row_is_named_after(column: str) -> None:
    assert is_judged(column, ours=True)
    assert is_judged(column, ours=False)


@pytest.mark.parametrize(
    "column",
    [
        *("use", "use x share without 429", "fairness", "efficiency", "of the limit"),
        *("share of the allowed rate", "share of time at the API"),
    ],
)
def test_what_a_contender_reaches_is_judged_in_our_rows(column: str) -> None:
    assert is_judged(column, ours=True)
    assert not is_judged(column, ours=False)


@pytest.mark.parametrize(
    "column",
    [
        *(
            "",
            "a second",
            "rows a second",
            "429s",
            "429s an hour",
            "asked for",
            "margin at the end",
            "not in",
        ),
        *("simulator busy", "load of the machine", "ours", "curl and a hash", "requests/s by Little's law"),
        *("share of the server for a worker that waits", "share of time the server was busy", "memory use"),
    ],
)
def test_figures_and_what_better_were_less_is_not_judged(column: str) -> None:
    assert not is_judged(column, ours=True)


def test_what_another_contender_makes_of_it_is_no_regression() -> None:
    columns = ("policy", "contender", "use", "fairness")

    def table(ours: str, other: str) -> Table:
        rows = [("fixed", "gong-ingest", ours, "1.00"), ("fixed", "limits, moving window", other, other)]
        return Table("At 3 requests/s", "Notes.", columns, rows)

    before = table("99%", "0.98").text()

    assert regressions(before, [table("99%", "0.10")]) == []
    assert regressions(before, [table("70%", "0.98")]) == ["At 3 requests/s, fixed: use was 99%, and is 70%"]


def test_what_we_are_to_another_is_a_regression_in_its_row_too() -> None:
    def table(ratio: str) -> Table:
        rows = [("gong-ingest", ""), ("plain Celery pipeline", ratio)]
        return Table("Throughput", "Notes.", ("", "gong-ingest by it"), rows)

    assert regressions(table("1.50").text(), [table("1.10")]) == [
        "Throughput, plain Celery pipeline: gong-ingest by it was 1.50, and is 1.10"
    ]


def test_every_row_is_ours_where_none_is_named_after_a_contender() -> None:
    def table(ratio: str) -> Table:
        return Table("Uploads", "Notes.", ("receiver", "use"), [("sink, http", ratio)])

    assert regressions(table("1.00").text(), [table("0.70")]) == [
        "Uploads, sink, http: use was 1.00, and is 0.70"
    ]


def test_it_is_held_to_what_was_committed_not_to_what_was_written_since(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    path.write_text("# Results\n\n## Speed\n\nas committed\n")
    assert committed("Speed", path) == "as committed"

    if (git := shutil.which("git")) is None:
        pytest.skip("git is not installed")
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    for command in (["init", "-q"], ["add", path.name], [*who, "commit", "-qm", "Measure"]):
        subprocess.run([git, *command], cwd=tmp_path, check=True)
    path.write_text("# Results\n\n## Speed\n\na fifth worse\n")

    assert committed("Speed", path) == "as committed"
    assert committed("Another", path) == ""
