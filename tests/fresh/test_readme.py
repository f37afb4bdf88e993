"""The README's two commands, each typed as it stands there where nothing but Python and make is installed."""

from __future__ import annotations

import re

import pytest

from tests.fresh.root import Root, at_the_end_of, block

pytestmark = pytest.mark.long

HEADING = "See it work"
DEMO, TEST = 0, 1
# Between installing and the end; the README says that the demo itself ends within a minute.
WITHIN_S = 3_600.0
LEFT = "left running:"
# What holds the root, the shell, and the one that looks.
ITSELF = 3


def test_the_blocks_are_the_ones_that_are_meant() -> None:
    assert block("README.md", HEADING, DEMO) == "make demo\n"
    assert block("README.md", HEADING, TEST) == "make test\n"


@pytest.mark.parametrize("root", ["newcomers"], indirect=True)
def test_the_demo_brings_every_recording_in_and_leaves_nothing_running(root: Root) -> None:
    process = root.run(
        block("README.md", HEADING, DEMO) + f"echo {LEFT}; ls -d /proc/[0-9]*", within_s=WITHIN_S
    )

    assert process.returncode == 0, at_the_end_of(process)
    assert "40 of 40 recordings are there once and byte for byte, 0 requests over the limit" in process.stderr
    _, _, left = process.stdout.partition(LEFT)
    assert len(left.split()) == ITSELF, left


@pytest.mark.parametrize("root", ["testers"], indirect=True)
def test_every_test_passes(root: Root) -> None:
    process = root.run(block("README.md", HEADING, TEST), within_s=WITHIN_S)

    assert process.returncode == 0, at_the_end_of(process)
    runs = re.findall(r"^=+ (.*) in [0-9.]+s.* =+$", process.stdout, re.MULTILINE)
    assert len(runs) == 4, at_the_end_of(process)
    assert all("passed" in run and "skipped" not in run for run in runs), runs


@pytest.mark.parametrize("root", ["newcomers"], indirect=True)
def test_who_lacks_something_is_told_what(root: Root) -> None:
    removed = root.run("dpkg --remove --force-depends python3-venv python3.11-venv >/dev/null")
    assert removed.returncode == 0, at_the_end_of(removed)

    process = root.run("make demo")

    assert process.returncode != 0
    assert "the package python3-venv brings it" in process.stderr
