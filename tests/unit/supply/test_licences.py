"""The licence of everything that this needs to run is known, allowed, and what the package says of itself."""

from __future__ import annotations

from email.message import Message

import pytest

from tests.supply.licences import FILE, Licences, contradiction, installed, read_licences, refusal
from tests.supply.locks import RUNTIME, runtime_of

LICENCES = read_licences(FILE.read_text("utf-8"))
LOCKED = runtime_of(RUNTIME)
SOME = Licences(frozenset({"MIT", "Apache-2.0"}), {"paramiko": "LGPL-2.1-only"}, {})


def says(**fields: str) -> Message:
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


def test_exactly_what_is_locked_to_run_is_listed() -> None:
    assert LICENCES.packages.keys() == LOCKED.keys()


def test_every_licence_is_allowed() -> None:
    refusals = [refusal(name, expression, LICENCES) for name, expression in LICENCES.packages.items()]

    assert list(filter(None, refusals)) == []


def test_every_package_says_the_same_of_itself() -> None:
    told = {name: installed(name) for name in LOCKED}

    wrong = [
        contradiction(name, LICENCES.packages[name], says) for name, says in told.items() if says is not None
    ]
    assert list(filter(None, wrong)) == []
    # Only what another Python, or another platform, would need may be missing here.
    assert [name for name, says in told.items() if says is None and not LOCKED[name].marker] == []


def test_nobody_is_excepted_who_needs_it_not() -> None:
    assert LICENCES.excepted.items() <= LICENCES.packages.items()
    assert not LICENCES.allowed & set(LICENCES.excepted.values())


@pytest.mark.parametrize(
    ("package", "expression"),
    [
        ("new", "GPL-3.0-only"),
        ("new", "LGPL-2.1-only"),
        ("new", "MIT AND GPL-3.0-only"),
        ("new", "GPL-2.0-only OR GPL-3.0-only"),
        ("new", "SSPL-1.0"),
        ("new", "BSD"),
        ("new", "Apache-2.0 WITH LLVM-exception"),
        ("paramiko", "GPL-3.0-only"),
    ],
)
def test_other_licences_are_refused(package: str, expression: str) -> None:
    assert package in refusal(package, expression, SOME)


@pytest.mark.parametrize(
    ("package", "expression"),
    [("new", "MIT"), ("new", "GPL-3.0-only OR Apache-2.0"), ("paramiko", "LGPL-2.1-only")],
)
def test_of_a_choice_one_is_enough(package: str, expression: str) -> None:
    assert refusal(package, expression, SOME) == ""


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("MIT", says(License_Expression="SSPL-1.0 OR MIT")),
        ("MIT", says(License="GPL-3.0-only")),
        ("MIT", says(Classifier="License :: OSI Approved :: BSD License")),
        ("MIT", says(License="Proprietary")),
        ("MIT", says()),
    ],
)
def test_a_package_that_changes_its_licence_is_noticed(listed: str, told: Message) -> None:
    assert contradiction("changed", listed, told).startswith("changed: ")


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("MIT", says(License_Expression="MIT")),
        ("MIT AND BSD-3-Clause", says(License_Expression="MIT")),
        ("BSD-3-Clause", says(License="BSD")),
        (
            "Apache-2.0",
            says(License="Apache 2.0", Classifier="License :: OSI Approved :: Apache Software License"),
        ),
        ("MIT", says(License="Text\nof many lines", Classifier="License :: OSI Approved :: MIT License")),
    ],
)
def test_other_words_for_the_same_are_no_change(listed: str, told: Message) -> None:
    assert contradiction("same", listed, told) == ""
