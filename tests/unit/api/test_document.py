"""The OpenAPI document: valid, and of one mind with the schemas of the call and with Gong's own document."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apispec import APISpec
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from pipeline.api.app import make_app
from pipeline.api.document import EXAMPLE, EXAMPLE_CALL, plugin, words_of
from pipeline.api.tokens import Scope, Tokens, TokensFile
from pipeline.call.schema import NewCall
from pipeline.settings import Settings
from tests.unit.call import document as gongs
from tests.unit.call.calls import Json
from tests.unit.call.calls import Path as Place
from tests.unit.call.generated import calls

NEW_CALL = NewCall()


def takes(call: dict[str, Json]) -> bool:
    """Tell whether the check finds nothing wrong with a call."""
    return not NEW_CALL.validate(call)


@functools.cache
def document() -> dict[str, Any]:
    settings = Settings(redis_url="unix:///nowhere")
    app = make_app(settings, Tokens(TokensFile(Path("/nowhere")), required=False), threads=1)
    answer = app.test_client().get("/openapi.json")
    assert answer.status_code == 200
    read: dict[str, Any] = json.loads(answer.data)
    return read


def schemas() -> dict[str, Any]:
    found: dict[str, Any] = document()["components"]["schemas"]
    return found


def judge(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas()}}
    )


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return schemas()[reference.rpartition("/")[2]] if reference else schema


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, declared in methods.items():
            if method != "parameters":
                yield method, path, declared


def test_the_document_is_valid() -> None:
    OpenAPIV31SpecValidator(document()).validate()
    assert document()["openapi"] == "3.1.0"


def test_every_operation_is_there() -> None:
    assert {(method.upper(), path) for method, path, _ in operations()} == {
        ("POST", "/calls"),
        ("POST", "/calls:batch"),
        ("GET", "/calls/{clientUniqueId}"),
        ("POST", "/calls/{clientUniqueId}:cancel"),
        ("POST", "/calls/{clientUniqueId}:retry"),
        ("GET", "/batches"),
        ("GET", "/batches/{name}"),
        ("GET", "/limits"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
    }


def test_every_operation_says_what_it_needs_and_how_it_is_refused() -> None:
    known = {scope.value for scope in Scope}
    for _, path, declared in operations():
        assert declared["summary"], path
        assert "503" in declared["responses"], path
        assert "default" not in declared["responses"], path
        if path in {"/healthz", "/readyz"}:
            assert declared["security"] == []
            continue
        ((scope,),) = (tuple(each["token"]) for each in declared["security"])
        assert scope in known
        assert {"401", "403"} <= declared["responses"].keys(), path
        for status, answer in declared["responses"].items():
            if status >= "400":
                (content,) = answer["content"].items()
                error = {"schema": {"$ref": "#/components/schemas/Error"}}
                assert content == ("application/problem+json", error), (path, status)


def test_the_example_is_one_that_is_taken() -> None:
    judge("Recording").validate(EXAMPLE)
    assert takes(EXAMPLE_CALL)


def walk(ours: dict[str, Any], theirs: dict[str, Any], path: Place = ()) -> Iterator[tuple[Place, Any, Any]]:
    """Give every field of Gong's document beside ours."""
    for name, member in theirs.get("properties", {}).items():
        own, their = resolved(ours["properties"][name]), gongs.resolved(member)
        yield (*path, name), own, their
        yield from walk(own, their, (*path, name))
    if "items" in theirs:
        own, their = resolved(ours["items"]), gongs.resolved(theirs["items"])
        yield (*path, 0), own, their
        yield from walk(own, their, (*path, 0))


PAIRS = list(walk(schemas()["NewCall"], gongs.CALL))


def test_every_field_of_gongs_document_stands_in_ours() -> None:
    assert [path for path, _, _ in PAIRS] == [node.path for node in gongs.NODES]
    assert len(PAIRS) >= 47


@pytest.mark.parametrize(("path", "ours", "theirs"), PAIRS, ids=lambda value: str(value)[:30])
def test_every_bound_value_and_type_of_gongs_document_stands_in_ours(
    path: Place, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    if "type" in theirs:
        assert ours["type"] == theirs["type"]
    assert ours.get("enum", [])[: len(theirs.get("enum", []))] == theirs.get("enum", [])
    assert set(theirs.get("required", ())) <= set(ours.get("required", ()))
    for word in ("minItems", "minLength", "minimum"):
        assert ours.get(word, 0) >= theirs.get(word, 0), word
    for word in ("maxLength", "maximum"):
        if word in theirs:
            assert ours[word] <= theirs[word], word
    if "properties" in theirs:
        assert ours["additionalProperties"] is False


def test_language_codes_are_told_although_gong_tells_them_in_prose() -> None:
    assert len(schemas()["NewCall"]["properties"]["languageCode"]["enum"]) == 133


@given(calls())
def test_what_the_check_takes_the_document_takes(call: dict[str, Json]) -> None:
    assert takes(call)
    judge("NewCall").validate(call)


@pytest.mark.parametrize("violation", list(gongs.violations()), ids=lambda each: f"{each.path} {each.what}")
def test_what_gongs_document_refuses_ours_refuses(violation: gongs.Violation) -> None:
    call = gongs.example_with(violation.path, violation.value)
    assert not judge("NewCall").is_valid(call)


def _places(tree: Json, path: Place = ()) -> Iterator[Place]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for place, below in items:
        yield (*path, place)
        yield from _places(below, (*path, place))


VALUES = st.one_of(
    st.text(max_size=5),
    st.integers(-2, 2**31),
    st.booleans(),
    st.none(),
    st.just([]),
    st.just({}),
    st.just("\0"),
)


@given(calls(), st.data())
def test_what_the_document_refuses_the_check_refuses_too(call: dict[str, Json], data: st.DataObject) -> None:
    """The document promises no more than is kept: a field that it refuses is not taken."""
    changed = copy.deepcopy(call)
    places = list(_places(changed))
    gongs.put(changed, data.draw(st.sampled_from(places)), data.draw(VALUES | st.just(gongs.GONE)))

    if not judge("NewCall").is_valid(changed):
        # 1.0 is an integer to JSON Schema and none to Gong; that the check is stricter there is tested below.
        assert not takes(changed)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("clientUniqueId",), ""),
        (("clientUniqueId",), "x" * 2049),
        (("primaryUser",), ""),
        (("title",), "a\0b"),
        (("actualStart",), "2018-02-17T02:30:00"),
        (("duration",), -0.1),
        (("duration",), 3.5e38),
        (("languageCode",), "tlh-QO"),
        (("downloadMediaUrl",), "sample.mp3"),
        (("parties", 0, "context", 0, "objects", 0, "fields", 0, "value"), None),
        (("Title",), "x"),
    ],
)
def test_where_the_check_is_stricter_than_gong_the_document_says_so(path: Place, value: Json) -> None:
    call = copy.deepcopy(next(each for each in gongs.EXAMPLES if gongs.has(each, path[:-1])))
    gongs.put(call, path, value)

    assert not takes(call)
    assert not judge("NewCall").is_valid(call)


def test_every_field_of_a_call_has_words_of_its_own() -> None:
    spec = APISpec("t", "1", "3.1.0", plugins=[plugin()])
    spec.components.schema("NewCall", schema=NewCall)
    fields = spec.to_dict()["components"]["schemas"]["NewCall"]["properties"]

    assert [name for name, words in fields.items() if not words] == []
    assert words_of(NewCall().fields["clientUniqueId"]) == {
        "type": "string",
        "minLength": 1,
        "maxLength": 2048,
        "pattern": "^[^\\u0000]*$",
    }
