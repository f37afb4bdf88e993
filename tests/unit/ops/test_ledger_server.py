"""The ledger's server keeps what was accepted, and a fleet is told how to reach one that is there already."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.settings import Settings
from pipeline.settings.environment import FILE_SUFFIX

TREE = Path(__file__).parents[3]
SERVER = (TREE / "docs" / "server.md").read_text("utf-8")
README = (TREE / "README.md").read_text("utf-8")
CHART = (TREE / "ops" / "helm" / "gong-call-ingest" / "README.md").read_text("utf-8")
SERVICES: dict[str, Any] = yaml.safe_load((TREE / "docker-compose.yml").read_text("utf-8"))["services"]
KNOWN = {form.variable for form in Settings.forms().values()}


def section_of(text: str, heading: str) -> str:
    """Give what stands below a heading, up to the next one."""
    (found,) = re.findall(rf"^#+ {heading}$(.*?)(?=^#)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def block_of(section: str, first: str) -> str:
    """Give the indented block that begins with a line."""
    (found,) = re.findall(rf"^(    {re.escape(first)}\n(?:    .*\n)*)", section, re.MULTILINE)
    return re.sub("^    ", "", found, flags=re.MULTILINE)


def test_the_server_of_a_fleet_writes_to_the_disk_before_it_answers_and_evicts_nothing() -> None:
    lines = (TREE / "ops" / "redis" / "redis.conf").read_text("utf-8").splitlines()

    told = [tuple(line.split()) for line in lines if line and not line.startswith("#")]
    for each in (("appendonly", "yes"), ("appendfsync", "always"), ("maxmemory-policy", "noeviction")):
        # The last one counts, so there is one.
        assert [pair for pair in told if pair[0] == each[0]] == [each]


@pytest.mark.parametrize(
    "text",
    [
        section_of(README, "On several machines"),
        SERVER.partition("\n## ")[0],
        section_of(SERVER, "A Redis that is there already"),
        re.findall(r"^- \*\*Redis\*\*.*?(?=^- )", CHART, re.MULTILINE | re.DOTALL)[0],
    ],
    ids=["README", "server", "compose", "chart"],
)
def test_whoever_has_a_server_is_told_to_let_it_write_before_it_answers(text: str) -> None:
    assert "`appendfsync always`" in text


def test_the_override_of_compose_gives_whoever_reaches_the_server_what_it_names() -> None:
    override = yaml.safe_load(
        block_of(section_of(SERVER, "A Redis that is there already"), "x-known: &known")
    )
    reach = {name for name, service in SERVICES.items() if "redis-url" in service.get("secrets", [])}

    assert override["services"].keys() == reach - {"demo"}
    for service in override["services"].values():
        assert {name.removesuffix(FILE_SUFFIX) for name in service["environment"]} <= KNOWN
        files = {Path(file).name for file in service["environment"].values()}
        assert files == set(service["secrets"]) == override["secrets"].keys()
        assert all(Path(file).parent == Path("/run/secrets") for file in service["environment"].values())


def test_the_drop_in_of_systemd_loads_what_it_names() -> None:
    drop_in = block_of(
        section_of(SERVER, "systemd"),
        "[Service]\n    LoadCredential=sentinel-password:/etc/gong-ingest/sentinel-password",
    )

    loaded = re.findall(r"^LoadCredential=([^:]+):", drop_in, re.MULTILINE)
    named = dict(re.findall(r"^Environment=(\w+)=%d/(.+)$", drop_in, re.MULTILINE))
    assert {name.removesuffix(FILE_SUFFIX) for name in named} <= KNOWN
    assert list(named.values()) == loaded
    assert "GONG_INGEST_REDIS_SENTINEL_PASSWORD_FILE" in named
