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
README = (CHART / "README.md").read_text("utf-8")
# What docs/traces.md tells of, but for the headers.
OF_TRACES = sorted(
    name
    for name in set(re.findall(r"`(OTEL_[A-Z_]+)`", (TREE / "docs" / "traces.md").read_text("utf-8")))
    if not name.endswith("HEADERS")
)
HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
EXPRESSION = re.compile(r"\{\{[^}]*\}\}")


def validator_of(part: dict[str, Any]) -> Any:
    """Make what checks a part of the values, with the schema's definitions."""
    return jsonschema.Draft7Validator(part | {"definitions": SCHEMA["definitions"]})


def may_be_settings(settings: dict[str, str]) -> bool:
    """Tell whether the schema takes settings, beside the one that is required."""
    values = {"GONG_BASE_URL": "https://a"} | settings
    return bool(validator_of(SCHEMA["properties"]["settings"]).is_valid(values))


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
    for name in secrets:
        assert not may_be_settings({name: "x"}), name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("GONG_INGEST_REQUESTS_PER_SECOND", "2"),
        ("AWS_REGION", "eu-central-1"),
        ("AZURE_STORAGE_ACCOUNT", "recordings"),
        ("GONG_BASE_URL", "https://b"),
        ("HTTPS_PROXY", "http://proxy.example:3128"),
        ("HTTP_PROXY", "http://proxy.example:3128"),
        ("NO_PROXY", ".svc,.example"),
        ("REQUESTS_CA_BUNDLE", "/etc/gong-ingest/authorities/ca.crt"),
        *((name, "x") for name in OF_TRACES),
    ],
)
def test_what_is_no_secret_may_be_a_setting(name: str, text: str) -> None:
    assert may_be_settings({name: text})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, "authorization=x") for name in HEADERS),
        ("HTTPS_PROXY", "http://user:password@proxy.example:3128"),
        # The chart's own.
        ("GONG_INGEST_DATA_DIR", "/elsewhere"),
    ],
)
def test_what_may_hold_a_secret_or_is_set_by_the_chart_is_no_setting(name: str, text: str) -> None:
    assert not may_be_settings({name: text})


def test_headers_of_traces_are_given_by_a_secret() -> None:
    validator = validator_of(SCHEMA["properties"]["secretVariables"])

    for name in HEADERS[:2]:
        assert validator.is_valid({name: {"name": "traces", "key": "headers"}})
        assert not validator.is_valid({name: "authorization=x"})


def test_the_readme_names_every_secret_that_becomes_a_variable() -> None:
    (told,) = re.findall(r"^- \*\*Secrets\*\*.*?(?=^- )", README, re.MULTILINE | re.DOTALL)
    by_value = SCHEMA["properties"]["secretVariables"]["properties"].keys()

    given = re.findall(r"name: (.+?), valueFrom: \{secretKeyRef", "".join(TEMPLATES.values()))

    assert set(given) == {"FLOWER_BASIC_AUTH", "{{ $variable }}"}, "the second is each of `secretVariables`"
    for name in {"FLOWER_BASIC_AUTH"} | by_value:
        assert f"`{name}`" in told, name


def test_whoever_stops_the_fleet_stops_what_scales_it_first() -> None:
    pages = {path.name: path.read_text("utf-8") for path in (TREE / "ops" / "runbook").glob("*.md")}
    stops = {name: text for name, text in pages.items() if "--replicas=0" in text}
    scaled = f"kubectl annotate scaledobject fleet-{CHART.name}-media autoscaling.keda.sh/paused-replicas"

    assert stops
    assert 'name: {{ include "gong.name" $ }}-media' in TEMPLATES["scaledobject.yaml"]
    for name, text in stops.items():
        paused, stopped, resumed = (text.find(each) for each in (f"{scaled}=0", "--replicas=0", f"{scaled}-"))
        assert 0 <= paused < stopped < resumed, name
