"""Lock files are read as uv writes them: every package, its hashes, its marker, who wants it to run."""

from __future__ import annotations

import re

import pytest

from tests.supply.locks import RUNTIME, TREE, Locked, read_lock, runtime

ONE, OTHER = "a" * 64, "b" * 64
TEXT = f"""\
builder==2.0 \\
    --hash=sha256:{ONE}
    # via gong-call-ingest (pyproject.toml:build)
of-builder==1.0 \\
    --hash=sha256:{ONE}
    # via builder
shared==1.2.post3 ; python_full_version < '3.14' \\
    --hash=sha256:{OTHER} \\
    --hash=sha256:{ONE}
    # via
    #   -c requirements.lock
    #   gong-call-ingest (pyproject.toml)
    #   builder
"""


def test_everything_of_an_entry_is_read() -> None:
    *_, shared = read_lock(TEXT)

    assert shared == Locked(
        "shared", "1.2.post3", "python_full_version < '3.14'", (ONE, OTHER), ("builder", "gong-call-ingest")
    )


def test_what_only_builds_is_left_out_with_all_that_it_needs() -> None:
    (left,) = runtime(read_lock(TEXT))

    assert (left.name, left.wanted_by) == ("shared", ("gong-call-ingest",))


@pytest.mark.parametrize("name", RUNTIME)
def test_no_package_of_the_tree_is_overlooked(name: str) -> None:
    text = (TREE / name).read_text("utf-8")

    packages = read_lock(text)

    assert len(packages) == text.count("==") - len(re.findall(r"^\S.* ; .*==", text, re.MULTILINE))
    assert sum(len(package.hashes) for package in packages) == text.count("--hash=")
    # The embedded server is left out of the image, with what it brings along.
    names = {package.name for package in packages} | {"gong-call-ingest", "valkey"}
    assert {wanted for package in packages for wanted in package.wanted_by} <= names
