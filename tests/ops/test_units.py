"""What systemd itself says of the units: that it understands all of them, and how much they leave open."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

UNITS = sorted((Path(__file__).parents[2] / "ops" / "systemd").glob("*.service"))
# systemd counts from 0, nothing open, to 10; a unit that says nothing has 9.6. Two thirds of what is left is
# that it may speak to others over the network.
EXPOSURE_MAX = 1.5


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.fail("systemd-analyze is not there; Debian's package systemd brings it.")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(params=UNITS, ids=lambda unit: unit.name)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit as it would be installed, with a program that is there."""
    original: Path = request.param
    text = original.read_text("utf-8").replace("/opt/gong-ingest/bin/gong-ingest", sys.executable)
    installed = tmp_path / original.name.replace("@.", "@media.")
    installed.write_text(text, "utf-8")
    return installed


def test_systemd_understands_every_line(unit: Path) -> None:
    verified = analyze("verify", "--man=no", str(unit))

    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_little_is_left_open(unit: Path) -> None:
    analyzed = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX * 10:.0f}", str(unit))

    assert analyzed.returncode == 0, analyzed.stdout + analyzed.stderr
