"""How a table is written down: what stands between its cells."""

import pytest

from pipeline.manifest import Row
from pipeline.manifest.table import separator_of
from tests.unit.manifest.builders import make_call, make_cells, read, table

HEADER, GOOD = table(make_cells(title="Call")).splitlines(keepends=True)
GOOD_CALL = make_call(title="Call")


@pytest.mark.parametrize("line", [b"sep=;\r\n", b'"sep=;"\n', b"SEP=;\n"])
def test_line_of_a_spreadsheet_names_the_delimiter(line: bytes) -> None:
    content = line + (HEADER + GOOD).replace(b",", b";")
    assert read(content, form="csv") == [Row(3, GOOD_CALL, "a.wav")]


@pytest.mark.parametrize(
    ("named", "character"), [(";", ";"), ("tab", "\t"), ("\\t", "\t"), ("\t", "\t"), ("|", "|")]
)
def test_separator_is_a_character_or_its_name(named: str, character: str) -> None:
    assert separator_of(named) == character


@pytest.mark.parametrize("named", ["", ";;", "a", "7", '"', "\n", "\0", "§", "comma"])
def test_separator_that_cannot_stand_between_cells_is_refused(named: str) -> None:
    with pytest.raises(ValueError, match="cannot stand between cells"):
        separator_of(named)
