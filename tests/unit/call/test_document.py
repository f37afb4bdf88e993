"""Our schema against Gong's own document, in both directions."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema

from pipeline.call import check_call, decode_call, encode_call, kind_of
from pipeline.call.fields import Items, Object
from pipeline.call.languages import LANGUAGE_CODES
from pipeline.call.schema import CALL_SCHEMA
from tests.unit.call.calls import Json, Path, dotted, fields_of, problems_of
from tests.unit.call.document import (
    CALL,
    EXAMPLES,
    GONE,
    GONG,
    JUDGE,
    NODES,
    Violation,
    example_with,
    has,
    limits,
    put,
    violations,
)
from tests.unit.call.generated import JSON_VALUES, TEXTS, calls

# The same examples on every run, and no deadline: a slow machine is not a wrong call.
_SETTINGS = settings(max_examples=300)

PAGE = (GONG / "add-new-call.txt").read_text("utf-8").partition("\nResponses\n")[0]
_FIELD_ON_PAGE = re.compile(
    r"^(?P<name>[a-z]\w+)\n(?:string|integer|number|boolean|object|Array)\b[^\n]*?(?P<required> Required)?$",
    re.MULTILINE,
)


def _ids(violation: Violation) -> str:
    return f"{dotted(violation.path)} {violation.what}"


# What the document takes, and a rule of ours does not: each with its reason in the code.
STRICTER: list[tuple[str, Path, Json]] = [
    ("an empty id is every call's id", ("clientUniqueId",), ""),
    ("an empty id names no user", ("primaryUser",), ""),
    ("no call lasts less than nothing", ("duration",), -0.1),
    ("beyond the format float", ("duration",), 3.5e38),
    ("beyond the format int32", ("speakersTimeline", "speechSegments", 0, "toTime"), 2**31),
    ("prose: ISO-8601 with an offset", ("actualStart",), "2018-02-17T02:30:00"),
    ("prose: valid values are", ("languageCode",), "tlh-QO"),
    ("API.md: addresses are validated", ("parties", 0, "emailAddress"), "na"),
    ("Gong downloads from it", ("downloadMediaUrl",), "sample-call.mp3"),
    ("no UTF-8 form", ("title",), "\ud83d"),
    ("NUL", ("title",), "\0"),
    ("unknown fields are mistakes", ("Title",), "x"),
    ("unknown fields are mistakes", ("parties", 0, "email"), "x"),
]


@pytest.mark.parametrize("call", EXAMPLES, ids=["channels", "timeline"])
def test_the_document_s_own_examples_are_accepted(call: dict[str, Json]) -> None:
    JUDGE.validate(call)

    assert problems_of(call) == ()


@pytest.mark.parametrize("violation", list(violations()), ids=_ids)
def test_each_violation_of_the_document_is_refused_at_its_path(violation: Violation) -> None:
    call = example_with(violation.path, violation.value)
    assert not JUDGE.is_valid(call)

    assert fields_of(call)[:1] == [dotted(violation.path)]


@pytest.mark.parametrize("limit", list(limits()), ids=_ids)
def test_each_bound_of_the_document_is_within_ours(limit: Violation) -> None:
    call = example_with(limit.path, limit.value)
    JUDGE.validate(call)

    # A segment's end may now be before its start, which is another rule's matter.
    assert all("fromTime" in problem.message for problem in problems_of(call))


@pytest.mark.parametrize(("reason", "path", "value"), STRICTER)
def test_where_we_are_stricter_than_the_document(reason: str, path: Path, value: Json) -> None:
    call = copy.deepcopy(next(each for each in EXAMPLES if has(each, path[:-1])))
    put(call, path, value)
    JUDGE.validate(call)

    assert fields_of(call)[:1] == [dotted(path)]


def test_the_examples_have_every_field_of_the_document() -> None:
    assert [node.path for node in NODES if not any(has(call, node.path) for call in EXAMPLES)] == []


@_SETTINGS
@given(calls())
def test_what_the_document_and_its_prose_allow_is_accepted_and_sent_as_given(call: dict[str, Json]) -> None:
    JUDGE.validate(call)
    given_call = copy.deepcopy(call)

    check_call(call)

    assert call == given_call
    assert list(call) == list(given_call)
    assert decode_call(encode_call(call)) == given_call


def _places(tree: Json, path: Path = ()) -> Iterator[Path]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for place, below in items:
        yield (*path, place)
        yield from _places(below, (*path, place))


_REPLACEMENTS = st.just(GONE) | TEXTS | st.integers(-1, 2) | st.booleans() | JSON_VALUES


@st.composite
def _broken_calls(draw: st.DrawFn) -> dict[str, Json]:
    """Draw calls with one or two places changed; some of them are right even so."""
    call = draw(calls())
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(call))
        if places:
            put(call, draw(st.sampled_from(places)), draw(_REPLACEMENTS))
    return call


@_SETTINGS
@given(_broken_calls())
def test_what_we_accept_the_document_accepts_and_what_it_refuses_we_name(call: dict[str, Json]) -> None:
    problems = problems_of(call)

    if not problems:
        JUDGE.validate(call)
    assert set(_fields_refused_by_document(call)) <= {problem.field for problem in problems}


def _fields_refused_by_document(call: dict[str, Json]) -> Iterator[str]:
    for error in JUDGE.iter_errors(call):
        place = tuple(error.absolute_path)
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            yield from (dotted((*place, name)) for name in missing)
        else:
            yield dotted(place)


def _fields_of_schema(schema: Schema) -> Iterator[tuple[str, bool]]:
    """Yield each field with whether it is required, depth first, as the page lists them."""
    for name, field in schema.fields.items():
        yield name, field.required
        inner = field.inner if isinstance(field, Items) else field
        if isinstance(inner, Object):
            yield from _fields_of_schema(inner.schema)


def test_the_schema_has_the_fields_of_the_page_in_its_order() -> None:
    on_page = [(found["name"], bool(found["required"])) for found in _FIELD_ON_PAGE.finditer(PAGE)]

    assert len(on_page) == 47
    assert list(_fields_of_schema(CALL_SCHEMA)) == on_page


def test_the_language_codes_are_those_of_the_page_and_of_the_document() -> None:
    on_page = PAGE.partition("Valid values are: ")[2].partition("\n")[0].split(", ")
    in_document = CALL["properties"]["languageCode"]["description"].partition("Valid values are: ")[2]

    assert len(LANGUAGE_CODES) == len(set(LANGUAGE_CODES)) == 133
    assert list(LANGUAGE_CODES) == on_page == in_document.split(", ")


def test_the_kind_of_each_field_is_its_type_in_the_document() -> None:
    kinds = {"array": "object", "any": "any"}
    for path, schema, _ in NODES:
        in_document = schema.get("type", "any")
        assert kind_of(dotted(path)) == kinds.get(in_document, in_document), path


def test_the_document_is_still_the_one_that_the_walk_understands() -> None:
    """A word that the walk does not know would be a rule that nothing tests."""
    known = {"type", "description", "example", "properties", "items", "required", "enum", "format", "not"}
    bounds = {"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}

    assert {word for node in NODES for word in node.schema} <= known | bounds
    assert {node.schema.get("format") for node in NODES} == {None, "int32", "float"}
    assert [node.schema["maxItems"] for node in NODES if "maxItems" in node.schema] == [2147483647]
