"""Which lines are written, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import logging, sys, warnings
from pipeline.logs import about, set_up_command, set_up_service
from pipeline.settings import Settings
settings = Settings(log_level=sys.argv[2], log_format=sys.argv[3])
set_up = {"worker": set_up_service, "command": set_up_command}[sys.argv[1]]
set_up(settings)
set_up(settings)
warnings.simplefilter("always")
warnings.warn("of Python")
for name in ("pipeline.steps", "celery.worker.consumer", "celery.app.trace", "botocore.auth"):
    for level in ("DEBUG", "INFO", "WARNING"):
        logging.getLogger(name).log(getattr(logging, level), "%s by %s", level, name)
"""


def written(kind: str, level: str, form: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind, level, form], capture_output=True, text=True, check=True
    )
    assert not done.stdout
    return done.stderr.splitlines()


ALL_LEVELS = ["DEBUG", "INFO", "WARNING"]
FROM_INFO = ["INFO", "WARNING"]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("DEBUG", [ALL_LEVELS, ALL_LEVELS, ALL_LEVELS, FROM_INFO]),
        ("INFO", [FROM_INFO, FROM_INFO, ["WARNING"], FROM_INFO]),
        ("WARNING", [["WARNING"]] * 4),
        ("ERROR", [[]] * 4),
    ],
)
def test_a_worker_writes_from_its_level_on_and_others_never_at_debug(
    level: str, expected: list[list[str]]
) -> None:
    documents: list[dict[str, Any]] = [json.loads(line) for line in written("worker", level, "json")]

    names = ("pipeline.steps", "celery.worker.consumer", "celery.app.trace", "botocore.auth")
    assert [[each["level"] for each in documents if each["logger"] == name] for name in names] == expected
    of_python = [each["message"] for each in documents if each["logger"] == "py.warnings"]
    assert len(of_python) == (level != "ERROR")


def test_a_command_says_only_what_a_person_should_know_and_nothing_around_it() -> None:
    told = [line for line in written("command", "INFO", "text") if "by pipeline" in line]

    assert told == ["WARNING by pipeline.steps"]


def test_a_command_of_a_program_writes_lines_of_json_too() -> None:
    told = [json.loads(line) for line in written("command", "INFO", "json") if "by pipeline" in line]

    assert [each["message"] for each in told] == ["WARNING by pipeline.steps"]
