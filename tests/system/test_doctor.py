"""`gong-ingest doctor`, as a newcomer runs it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario

FIELDS = (Path(__file__).parents[2] / "docs" / "json.md").read_text("utf-8")


def levels(document: dict[str, object]) -> dict[str, str]:
    findings = document["findings"]
    assert isinstance(findings, list)
    return {finding["check"]: finding["level"] for finding in findings}


@scenario()
def test_with_nothing_but_the_key_all_is_well(machine: Machine, simulator: Simulator, folder: Path) -> None:
    done = machine.run("doctor", "--json")

    assert done.code == 0, done.written
    assert set(levels(done.document).values()) == {"ok"}
    assert done.document["counts"] == {"ok": len(done.document["findings"])}
    assert len(simulator.record()["requests"]) == 1
    # what programs read is explained
    section = FIELDS.partition("## doctor\n")[2]
    for name in (*done.document, *done.document["findings"][0]):
        assert f"`{name}`" in section
    # and nothing is left running
    assert not machine.processes()


@scenario()
def test_with_nothing_at_all_it_says_what_to_begin_with(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    nothing = dict.fromkeys(("GONG_BASE_URL", "GONG_ACCESS_KEY", "GONG_ACCESS_KEY_SECRET"))
    done = machine.run("doctor", settings=nothing)

    assert done.code == 8
    (told,) = re.findall(r"problem +credentials +(.*)", done.stdout)
    assert told.startswith("Not set: GONG_BASE_URL")
    assert "1 problem, no warnings." in done.stdout
    assert not done.stderr


@scenario()
def test_a_setting_that_is_misspelt_and_a_server_that_is_away_are_told(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    misspelt = machine.run("doctor", settings={"GONG_INGEST_CONCURENCY": "4"})
    away = machine.run(
        "doctor", "--no-request", "--json", settings={"GONG_INGEST_REDIS_URL": "redis://:word@127.0.0.1:1"}
    )

    assert misspelt.code == away.code == 8
    assert "did you mean" in misspelt.stdout
    assert levels(away.document)["server"] == "problem"
    assert "word" not in away.written
    assert not simulator.record()["requests"]


@scenario()
def test_the_profile_in_use_is_told(machine: Machine, simulator: Simulator, folder: Path) -> None:
    config = folder / "config.toml"
    config.write_text('[acme]\nmedia_roots = ["/nowhere"]\n')
    done = machine.run(
        "--profile", "acme", "doctor", "--no-request", settings={"GONG_INGEST_CONFIG": str(config)}
    )

    assert done.code == 8
    told = " ".join(done.stdout.split())
    assert "Profile acme of" in told
    assert "/nowhere is not a folder here." in told
