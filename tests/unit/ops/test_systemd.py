"""The units of systemd say what the program does; `tests/ops` lets systemd itself read them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pipeline.fleet import STOP_MARGIN_S
from pipeline.settings import Settings
from pipeline.settings.environment import FILE_SUFFIX
from tests.command_lines import check_command_line

UNITS = sorted((Path(__file__).parents[3] / "ops" / "systemd").glob("*.service"))
WORKER = "gong-ingest-worker@.service"
SENTINELS = "GONG_INGEST_REDIS_SENTINEL_PASSWORD"


def lines_of(unit: Path, key: str) -> list[str]:
    """Give what a unit says under a key, as often as it says it."""
    return re.findall(rf"^{key}=(.*)$", unit.read_text("utf-8"), re.MULTILINE)


def environment_of(unit: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines_of(unit, "Environment"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_names_settings_and_commands_that_exist(unit: Path) -> None:
    known = {form.variable for form in Settings.forms().values()} | {"HOME"}
    (start,) = lines_of(unit, "ExecStart")

    assert {name.removesuffix(FILE_SUFFIX) for name in environment_of(unit)} <= known
    check_command_line(shlex.split(start.replace("%i", "media"))[1:])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_secret_is_a_credential_that_the_unit_loads(unit: Path) -> None:
    loaded = {line.partition(":")[0] for line in lines_of(unit, "LoadCredential")}
    named = {
        text.removeprefix("%d/") for name, text in environment_of(unit).items() if name.endswith(FILE_SUFFIX)
    }

    assert named == loaded
    assert "access-key" not in loaded or unit.name == WORKER


def test_a_worker_gets_every_secret() -> None:
    (unit,) = [unit for unit in UNITS if unit.name == WORKER]
    # Sentinels are no part of a machine of its own; theirs is for a drop-in.
    secrets = {form.variable for form in Settings.forms().values() if form.is_secret} - {SENTINELS}

    assert {
        name.removesuffix(FILE_SUFFIX) for name in environment_of(unit) if name.endswith(FILE_SUFFIX)
    } == secrets


def test_a_worker_is_given_more_time_to_stop_than_it_takes() -> None:
    (unit,) = [unit for unit in UNITS if unit.name == WORKER]
    grace_s = float(environment_of(unit)["GONG_INGEST_STOP_GRACE_S"])

    assert float(lines_of(unit, "TimeoutStopSec")[0]) > grace_s + 2 * STOP_MARGIN_S
    # Else every process is asked at once, and the one that asks in order is not the only one.
    assert lines_of(unit, "KillMode") == ["mixed"]
