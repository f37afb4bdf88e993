"""The scripts that are no Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

TREE = Path(__file__).parents[2]
SHELL = b"#!/bin/sh\n", b"#!/usr/bin/env bash\n"


def test_no_script_of_the_shell_has_a_known_fault() -> None:
    scripts = [
        path for path in (TREE / "ops").rglob("*") if path.is_file() and path.read_bytes().startswith(SHELL)
    ]
    assert {script.name for script in scripts} >= {"set-up", "start", "healthy"}
    program = Path(sys.executable).parent / "shellcheck"
    if not program.exists():
        pytest.fail("shellcheck is not there: make long")

    checked = subprocess.run([program, *scripts], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout
