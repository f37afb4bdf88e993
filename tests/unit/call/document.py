"""Gong's own OpenAPI document: the judge beside our schema, walked for every way to break it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import NamedTuple

from jsonschema import Draft4Validator

from tests.unit.call.calls import Json, Path

GONG = FilePath(__file__).parents[2] / "gong"


def _schemas() -> dict[str, Json]:
    """Return the document's schemas, its one mistake mended.

    The value of a context's field is called an `object`, while the example is a text: it may be anything.
    """
    schemas: dict[str, Json] = json.loads((GONG / "openapi.json").read_text("utf-8"))["components"]["schemas"]
    for name in ("CrmPartyContextField", "ContextField"):
        value = schemas[name]["properties"]["value"]
        assert (value.pop("type"), value["example"]) == ("object", "Gong Inc.")
        value["not"] = {"enum": [None]}
    return schemas


SCHEMAS = _schemas()
CALL = SCHEMAS["NewCallAddingRequest"]

# OpenAPI 3.0 has the rules of draft 4, where 1.0 is no integer.
JUDGE = Draft4Validator(
    {"$ref": "#/components/schemas/NewCallAddingRequest", "components": {"schemas": SCHEMAS}}
)

# A value of each JSON type, by the name that the type has in the document.
_VALUES: dict[str, Json] = {
    "null": None,
    "boolean": True,
    "integer": 1,
    "number": 1.5,
    "string": "text",
    "array": [],
    "object": {},
}


class Node(NamedTuple):
    """One property or item of the document."""

    path: Path
    schema: dict[str, Json]
    required: bool


class Violation(NamedTuple):
    """One way to break the document: what to put at a path; GONE for a field that is left out."""

    path: Path
    what: str
    value: Json


GONE = object()


def resolved(schema: dict[str, Json]) -> dict[str, Json]:
    reference = schema.get("$ref")
    return SCHEMAS[reference.removeprefix("#/components/schemas/")] if reference else schema


def nodes(schema: dict[str, Json], path: Path = ()) -> Iterator[Node]:
    """Yield every property at every level, and the first item of every list."""
    for name, member in schema.get("properties", {}).items():
        yield from _node(Node((*path, name), resolved(member), name in schema.get("required", ())))
    if "items" in schema:
        yield from _node(Node((*path, 0), resolved(schema["items"]), required=False))


def _node(node: Node) -> Iterator[Node]:
    yield node
    yield from nodes(node.schema, node.path)


NODES = tuple(nodes(CALL))


def violations() -> Iterator[Violation]:
    """Yield every single violation that the document knows."""
    for node in NODES:
        if node.required:
            yield Violation(node.path, "missing", GONE)
        yield from _wrong_types(node)
        yield from _wrong_values(node)


def _wrong_types(node: Node) -> Iterator[Violation]:
    wanted = node.schema.get("type", "any")
    allowed = {"any": _VALUES.keys() - {"null"}, "number": {"number", "integer"}}.get(wanted, {wanted})
    for name, value in _VALUES.items():
        if name not in allowed:
            yield Violation(node.path, f"is {name}", value)


def _wrong_values(node: Node) -> Iterator[Violation]:
    schema = node.schema
    if "enum" in schema:
        yield Violation(node.path, "not in enum", "Telepathy")
        yield Violation(node.path, "other case", schema["enum"][0].swapcase())
        yield Violation(node.path, "empty", "")
    if "minimum" in schema:
        yield Violation(node.path, "below minimum", schema["minimum"] - 1)
    if "maximum" in schema:
        yield Violation(node.path, "above maximum", schema["maximum"] + 1)
    if "maxLength" in schema:
        yield Violation(node.path, "too long", "é" * (schema["maxLength"] + 1))
    if schema.get("minItems"):
        yield Violation(node.path, "too few items", [{}] * (schema["minItems"] - 1))


def limits() -> Iterator[Violation]:
    """Yield, in the manner of violations, every value that is just within a bound."""
    for path, schema, _ in NODES:
        for word in ("minimum", "maximum"):
            if word in schema:
                yield Violation(path, word, schema[word])
        if schema.get("format") == "int32" and "maximum" not in schema:
            yield Violation(path, "greatest int32", 2**31 - 1)
        if "maxLength" in schema:
            yield Violation(path, "longest", "é" * schema["maxLength"])
        for value in schema.get("enum", ()):
            yield Violation(path, value, value)


def example(schema: dict[str, Json]) -> Json:
    """Return what the document gives as an example, every property in it."""
    if "properties" in schema:
        return {name: example(resolved(member)) for name, member in schema["properties"].items()}
    if "items" in schema:
        return [example(resolved(schema["items"]))] if "example" not in schema else schema["example"]
    return schema["example"] if "example" in schema else schema.get("enum", ["en-US"])[0]


def example_without(*path: str | int) -> dict[str, Json]:
    call: dict[str, Json] = example(CALL)
    put(call, path, GONE)
    return call


def example_with(path: Path, value: Json) -> dict[str, Json]:
    """Return the first example that has something at a path, with this there instead."""
    call = copy.deepcopy(next(each for each in EXAMPLES if has(each, path)))
    put(call, path, value)
    return call


def has(tree: Json, path: Path) -> bool:
    try:
        for part in path:
            tree = tree[part]
    except (KeyError, IndexError):
        return False
    return True


def put(tree: Json, path: Path, value: Json) -> None:
    *parents, last = path
    for part in parents:
        tree = tree[part]
    if value is GONE:
        del tree[last]
    else:
        tree[last] = value


# speakersTimeline and mediaChannelId exclude each other, so no one call has every field.
EXAMPLES = (example_without("speakersTimeline"), example_without("parties", 0, "mediaChannelId"))
