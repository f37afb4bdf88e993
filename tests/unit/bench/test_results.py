from __future__ import annotations

from pathlib import Path

from bench.results import Table, write


def test_a_table_is_markdown_whose_columns_line_up() -> None:
    table = Table("Speed", "Per second.", ("who", "how fast"), [["one", "1"], ["another", "12,000"]])

    assert table.text() == (
        "### Speed\n"
        "\n"
        "Per second.\n"
        "\n"
        "| who     | how fast |\n"
        "| ------- | -------- |\n"
        "| one     | 1        |\n"
        "| another | 12,000   |\n"
    )


def test_a_section_is_written_in_its_place_and_the_others_stay(tmp_path: Path) -> None:
    path, titles = tmp_path / "RESULTS.md", ["One", "Two", "Three"]

    def measure(title: str, figure: str) -> None:
        write(title, [Table("Speed", "Notes.", ("what",), [[figure]])], titles=titles, path=path)

    for title, figure in (("Three", "3"), ("One", "1"), ("Three", "33")):
        measure(title, figure)

    text = path.read_text("utf-8")
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## One", "## Three"]
    assert text.startswith("# What it reaches, measured\n\n## One\n\nMade by `make bench` on ")
    assert [line for line in text.splitlines() if line.startswith("| ") and "what" not in line][1::2] == [
        "| 1    |",
        "| 33   |",
    ]
