"""Problems in groups."""

from __future__ import annotations

from typing import Any

from pipeline.cli.preflight.groups import EXAMPLES_MAX, GROUPS_MAX, Group, Groups
from pipeline.preflight import Finding


def make_finding(line: int, **overrides: Any) -> Finding:
    return Finding(line, f"pbx-{line}", "call_invalid", "title", "is wrong")._replace(**overrides)


def groups_of(*findings: Finding) -> Groups:
    groups = Groups()
    groups.add(findings)
    return groups


def names(groups: list[Group]) -> list[tuple[str, str, int]]:
    return [(group.code, group.name, group.count) for group in groups]


def test_problems_of_one_field_are_one_group_whatever_the_place_in_a_list() -> None:
    groups = groups_of(
        make_finding(1, field="parties.0.emailAddress"),
        make_finding(2, field="parties.12.emailAddress"),
        make_finding(3, field="context.0.objects.3.fields.10.name (column 'Field 1')"),
    )

    assert names(groups.errors()) == [
        ("call_invalid", "parties.N.emailAddress", 2),
        ("call_invalid", "context.N.objects.N.fields.N.name (column 'Field 1')", 1),
    ]


def test_the_largest_group_comes_first_and_keeps_its_first_examples() -> None:
    many = [make_finding(line, code="media_missing", field="media") for line in range(10, 20)]
    groups = groups_of(make_finding(1), *many)

    first, second = groups.errors()

    assert names([first, second]) == [("media_missing", "", 10), ("call_invalid", "title", 1)]
    assert [example.line for example in first.examples] == [*range(10, 10 + EXAMPLES_MAX)]


def test_warnings_are_groups_of_their_own() -> None:
    groups = groups_of(make_finding(1, code="media_short"), make_finding(2))

    assert names(groups.warnings()) == [("media_short", "", 1)]
    assert names(groups.errors()) == [("call_invalid", "title", 1)]
    assert groups.counts() == {"media_short": 1, "call_invalid": 1}


def test_a_field_of_another_name_in_every_row_does_not_fill_the_memory() -> None:
    groups = groups_of(*(make_finding(line, field=f"column {line}") for line in range(10_000)))

    found = groups.errors()

    assert len(found) == GROUPS_MAX + 1
    assert sum(group.count for group in found) == 10_000
