from __future__ import annotations

from bench.results import Table


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
