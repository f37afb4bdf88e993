"""The header of a CSV manifest."""

from collections.abc import Iterator

import pytest
from marshmallow import Schema, fields

from pipeline.call import kind_of
from pipeline.call.schema import CALL_SCHEMA
from pipeline.manifest.header import KNOWN_COLUMNS, path_of, problems_of_header
from tests.unit.manifest.builders import make_cells

GOOD = tuple(make_cells())


def problems(*columns: str) -> list[str]:
    return list(problems_of_header(columns))


def columns_of(field: object) -> Iterator[str]:
    """Every column below a field of the schema, without its own name."""
    if isinstance(field, fields.List):
        yield from (f".0{below}" for below in columns_of(field.inner))
    elif isinstance(field, fields.Nested):
        yield from columns_of(field.schema)
    elif isinstance(field, Schema):
        yield from (
            f".{name}{below}" for name, member in field.fields.items() for below in columns_of(member)
        )
    else:
        yield ""


def test_known_columns_are_those_of_the_schema_and_media() -> None:
    of_schema = {column.removeprefix(".") for column in columns_of(CALL_SCHEMA)}
    assert len(of_schema) > 30
    assert sorted(KNOWN_COLUMNS) == sorted({"media", *of_schema})


def test_every_known_column_can_be_used() -> None:
    assert problems(*KNOWN_COLUMNS) == []


def test_list_items_of_any_index_can_be_used() -> None:
    assert problems(*GOOD, "parties.12.name", "parties.3.context.2.objects.0.objectId") == []


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("titel", "title"),
        ("client_unique_ID", "clientUniqueId"),
        ("Media", "media"),
        ("parties.1.emailAdress", "parties.1.emailAddress"),
        ("parties.2.context.7.sytem", "parties.2.context.7.system"),
        ("parties.name", "parties.0.name"),
    ],
)
def test_unknown_column_is_told_with_the_nearest_name(column: str, meant: str) -> None:
    assert problems(*GOOD, column) == [f"column {column!r} is not known; is {meant!r} meant?"]


def test_unknown_column_far_from_any_is_told_alone() -> None:
    assert problems(*GOOD, "zzzzzz") == ["column 'zzzzzz' is not known"]


def test_column_of_a_group_is_refused() -> None:
    (problem,) = problems(*GOOD, "flowContext")
    assert "'flowContext' is a group of fields" in problem


@pytest.mark.parametrize(
    "column", ["parties.00.name", "parties.01.name", "parties.².name", "parties.1234567.name"]
)
def test_index_written_in_another_way_is_refused(column: str) -> None:
    (problem,) = problems(*GOOD, column)
    assert "has an index that is not written 0, 1, 2" in problem


def test_nothing_stands_below_a_value_of_any_kind() -> None:
    column = "context.0.objects.0.fields.0.value.x"
    assert kind_of(column) == "any"
    (problem,) = problems(*GOOD, column)
    assert "is not known" in problem


def test_doubled_column_is_refused() -> None:
    assert problems(*GOOD, "title", "title", "media") == [
        "column 'media' stands there 2 times",
        "column 'title' stands there 2 times",
    ]


def test_column_without_a_name_is_refused_by_its_place() -> None:
    assert problems(*GOOD, "", "") == ["column 7 has no name", "column 8 has no name"]


@pytest.mark.parametrize("missing", ["clientUniqueId", "actualStart", "direction", "primaryUser"])
def test_required_column_is_missed(missing: str) -> None:
    assert problems(*(column for column in GOOD if column != missing)) == [f"column {missing!r} is missing"]


def test_parties_are_missed() -> None:
    (problem,) = problems(*(column for column in GOOD if not column.startswith("parties")))
    assert "columns for the parties are missing" in problem


def test_media_or_a_download_media_url_is_required() -> None:
    without = [column for column in GOOD if column != "media"]
    assert problems(*without) == ["column 'media' is missing (or 'downloadMediaUrl')"]
    assert problems(*without, "downloadMediaUrl") == []


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_told_as_such(separator: str) -> None:
    (problem,) = problems(separator.join(GOOD))
    assert problem == f"the columns are separated by {separator!r}; name it with --delimiter, or use commas"


def test_every_problem_is_told() -> None:
    assert len(problems("titel", "direction", "direction", "", "parties")) == 9


def test_path_has_indexes_as_numbers() -> None:
    assert path_of("parties.10.context.0.system") == ("parties", 10, "context", 0, "system")
