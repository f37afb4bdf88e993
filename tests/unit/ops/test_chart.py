"""The chart of Kubernetes says what the program does; `tests/ops` renders it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pipeline.settings import Settings
from tests.command_lines import check_command_line

TREE = Path(__file__).parents[3]
CHART = TREE / "ops" / "helm" / "gong-call-ingest"
TEMPLATES = {path.name: path.read_text("utf-8") for path in (CHART / "templates").iterdir()}
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text("utf-8"))
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
EXPRESSION = re.compile(r"\{\{[^}]*\}\}")


def command_lines() -> list[list[str]]:
    """Give the arguments of containers and probes, with something for every expression in them."""
    found = []
    for text in TEMPLATES.values():
        for kind, words in re.findall(r"\b(args|command): \[(.*?)\](?:\}|$)", text, re.MULTILINE):
            processes = EXPRESSION.sub("4", words.replace("--queue, {{ $queue }}", "--queue, media"))
            read = [word.strip().strip('"') for word in processes.split(",")]
            if kind == "args" or read[0] == "gong-ingest":
                found.append(read[1:] if kind == "command" else read)
    return found


def test_its_values_are_what_its_schema_allows() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    # whose API it is, or which client of OAuth, nobody knows but who installs it
    values = VALUES | {"settings": {"GONG_BASE_URL": "https://a"}}
    jsonschema.validate(values, SCHEMA, jsonschema.Draft7Validator)


def test_every_value_stands_in_the_schema() -> None:
    assert SCHEMA["properties"].keys() - {"global"} == VALUES.keys()


def test_it_has_the_version_of_the_program() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    project = tomllib.loads((TREE / "pyproject.toml").read_text("utf-8"))["project"]

    assert chart["appVersion"] == project["version"]


def test_every_command_line_would_be_taken() -> None:
    lines = command_lines()

    assert {line[0] for line in lines} >= {"worker", "alive", "flower", "api"}
    for line in lines:
        check_command_line(line)


def test_every_secret_may_be_a_key_of_the_secret_and_none_a_setting() -> None:
    secrets = {form.variable for form in Settings.forms().values() if form.is_secret}
    keys = SCHEMA["properties"]["secret"]["properties"]["keys"]["items"]["enum"]

    of = dict(re.findall(r'"([a-z-]+)" "((?:GONG|AZURE)_[A-Z_]+)"', TEMPLATES["_helpers.tpl"]))

    assert set(of) == set(keys)
    assert set(of.values()) == secrets
    validator = jsonschema.Draft7Validator(SCHEMA["properties"]["settings"])
    for name in secrets:
        assert not validator.is_valid({"GONG_BASE_URL": "https://a", name: "x"}), name


@pytest.mark.parametrize(
    "name", ["GONG_INGEST_REQUESTS_PER_SECOND", "AWS_REGION", "AZURE_STORAGE_ACCOUNT", "GONG_BASE_URL"]
)
def test_what_is_no_secret_may_be_a_setting(name: str) -> None:
    values = {"GONG_BASE_URL": "https://a", name: "https://b"}
    jsonschema.validate(values, SCHEMA["properties"]["settings"])
