"""A command whose output nobody reads any further, as behind `| head`, ends without a trace and by a code."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import ExitCode
from pipeline.job import Step
from tests.ledgers import Filled
from tests.servers import Server

ROOT = Path(__file__).parents[2]
BATCH = "calls"
MAPS = ROOT / "examples" / "mappings"
EXPORT = MAPS / "aircall-calls.jsonl"
MAP = MAPS / "aircall-calls.toml"


@pytest.fixture
def environment(server: Server, namespace: str) -> dict[str, str]:
    """The settings of a ledger with a dead letter, and a job that waits."""
    filled = Filled.on(server.url, namespace)
    filled.submit(BATCH, ["a", "b"])
    filled.bury({"media_missing": (Step.VALIDATE, "There is no a.wav.", 1)})
    filled.store.close()
    clean = {name: text for name, text in os.environ.items() if not name.startswith("GONG_")}
    return clean | {
        "GONG_INGEST_CONFIG": os.devnull,
        "GONG_INGEST_REDIS_URL": server.url,
        "GONG_INGEST_NAMESPACE": namespace,
    }


def run_unread(environment: dict[str, str], *arguments: str, also_errors: bool = False) -> tuple[int, str]:
    """Run a command whose output has no reader any more; gives its code and what it complained of."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer if also_errors else subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr or ""


@pytest.mark.parametrize(
    "words",
    [
        ("dead", "--list"),
        ("dead",),
        ("status",),
        ("status", "--json"),
        ("report", BATCH),
        ("map", str(EXPORT), "--map", str(MAP)),
        ("map", str(EXPORT), "--init"),
        ("check", str(EXPORT), "--map", str(MAP), "--no-media", "--json"),
        ("check", str(EXPORT), "--map", str(MAP), "--no-media"),
        ("--help",),
    ],
    ids=" ".join,
)
def test_whoever_reads_may_leave(environment: dict[str, str], words: tuple[str, ...]) -> None:
    code, complaint = run_unread(environment, *words)

    assert code == ExitCode.STOPPED, complaint
    assert "Traceback" not in complaint
    assert "Broken" not in complaint


def test_nobody_reads_what_is_wrong_either(environment: dict[str, str]) -> None:
    assert run_unread(environment, "dead", "nobody", also_errors=True) == (ExitCode.STOPPED, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("words", ["status", "status --json", "--help"])
def test_a_command_needs_nowhere_to_write_to(environment: dict[str, str], words: str, closed: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m pipeline.cli {words} {closed}"

    done = subprocess.run(
        ["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == ExitCode.DONE
    assert "Traceback" not in done.stdout + done.stderr
