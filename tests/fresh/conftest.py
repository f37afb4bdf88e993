"""Roots that are made once and copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fresh.root import Root, done, make_root

# What the README asks a newcomer for; Debian has the module venv in a package of its own.
ASKED_FOR = ("python3", "python3-venv", "make")
# What it says that the tests want beside that.
FOR_TESTS = ("curl", "procps")
# What is on any server of Debian beside that.
OF_A_SERVER = ("systemd", "systemd-sysv", "dbus", "libnss-systemd")


@pytest.fixture(scope="session")
def newcomers(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root with what the README asks for; to be copied."""
    return make_root(tmp_path_factory.mktemp("newcomers") / "root", *ASKED_FOR)


@pytest.fixture(scope="session")
def testers(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root with what the README asks those for who run the tests; to be copied."""
    return make_root(tmp_path_factory.mktemp("testers") / "root", *ASKED_FOR, *FOR_TESTS)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root that boots, with nothing else; to be copied."""
    return make_root(tmp_path_factory.mktemp("servers") / "root", *OF_A_SERVER)


@pytest.fixture
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Root]:
    """A copy of one of these roots, by its name, with a clone of the tree; it is removed at the end."""
    original: Root = request.getfixturevalue(request.param)
    copy = original.copy(tmp_path / "root")
    copy.clone()
    yield copy
    # Not kept for a look, as pytest would: it has 600 MB.
    done("rm", "--recursive", "--force", "--one-file-system", str(copy.path))
