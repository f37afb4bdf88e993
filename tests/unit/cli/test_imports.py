"""What a command imports before it has anything to do with it: whoever asks for help must not wait for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.test_commands import commands

# Each takes longer than all else that a help needs.
HEAVY = (
    "celery",
    "flask",
    "flower",
    "gunicorn",
    "marshmallow",
    "redis",
    "requests",
    "rich",
    "tornado",
    "valkey",
)
RUN = f"""
import contextlib, json, os, sys
from pipeline.cli import cli
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(open(os.devnull, "w")):
        cli.main(arguments, standalone_mode=False)
    print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def imported_by(*runs: tuple[str, ...], **variables: str) -> list[list[str]]:
    """Run commands in one fresh process, and give after each what is imported then."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("GONG_")}
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN, json.dumps(runs)],
        env=clean | {"GONG_INGEST_CONFIG": os.devnull} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return [json.loads(line) for line in process.stdout.splitlines()]


def test_no_help_waits_for_what_it_does_not_need() -> None:
    asked = [(), *commands()]

    imported = imported_by(*((*words, "--help") for words in asked))

    first = next((words for words, names in zip(asked, imported, strict=True) if names), None)
    assert first is None, f"the help of gong-ingest {' '.join(first)} imports {imported[asked.index(first)]}"


def test_the_settings_wait_for_nothing() -> None:
    assert imported_by(("profiles",)) == [[]]


@pytest.mark.parametrize(
    "words", [("status", "--json"), ("gate", "show"), ("limits", "--json")], ids=" ".join
)
def test_who_only_asks_the_ledger_waits_for_nothing_else(words: tuple[str, ...], server_url: str) -> None:
    (imported,) = imported_by(words, GONG_INGEST_REDIS_URL=server_url)

    assert imported == ["redis"]


def test_starting_a_server_of_ones_own_takes_no_other_client(tmp_path: Path) -> None:
    (imported,) = imported_by(("status", "--json"), GONG_INGEST_DATA_DIR=str(tmp_path))

    assert imported == ["redis"]
