"""A bill of materials: the same bytes from the same tree, all that is locked, in CycloneDX's own form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.supply.bill import write_bill
from tests.supply.licences import FILE, read_licences
from tests.supply.locks import PROJECT, RUNTIME, TREE, read_lock, runtime

LICENCES = read_licences(FILE.read_text("utf-8"))


def lock_of(name: str) -> str:
    return (TREE / name).read_text("utf-8")


@pytest.fixture(scope="module", params=RUNTIME)
def lock(request: pytest.FixtureRequest) -> str:
    return lock_of(request.param)


def test_it_has_the_form_of_cyclonedx(lock: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(write_bill(lock, LICENCES)) is None


def test_it_names_everything_that_is_locked_to_run(lock: str) -> None:
    bill: dict[str, Any] = json.loads(write_bill(lock, LICENCES))

    named = {
        (each["name"], each["version"], each["purl"], len(each["externalReferences"][0]["hashes"]))
        for each in bill["components"]
    }
    assert named == {
        (each.name, each.version, f"pkg:pypi/{each.name}@{each.version}", len(each.hashes))
        for each in runtime(read_lock(lock))
    }
    assert all(each["licenses"] for each in bill["components"])
    assert "hatchling" not in {each["name"] for each in bill["components"]}


def test_everything_is_reached_from_the_program(lock: str) -> None:
    bill = json.loads(write_bill(lock, LICENCES))

    needs = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    reached, left = set[str](), [PROJECT]
    while left:
        reached.add(ref := left.pop())
        left += set(needs[ref]) - reached
    assert reached == {PROJECT} | {each["bom-ref"] for each in bill["components"]}


def test_another_version_makes_another_serial_number() -> None:
    lock = lock_of(RUNTIME[0])
    (version,) = {each.version for each in read_lock(lock) if each.name == "celery"}

    bills = [
        json.loads(write_bill(text, LICENCES))
        for text in (lock, lock.replace(f"celery=={version}", "celery==9.9.9"))
    ]

    assert bills[0]["serialNumber"] != bills[1]["serialNumber"]


def test_the_command_writes_the_same_bytes_whoever_runs_it(tmp_path: Path) -> None:
    folders = tmp_path / "one", tmp_path / "other"
    for number, folder in enumerate(folders):
        subprocess.run(
            [sys.executable, "-m", "tests.supply.bill", folder],
            cwd=TREE,
            env={**os.environ, "PYTHONHASHSEED": str(number + 1), "TZ": f"UTC+{number}"},
            check=True,
            capture_output=True,
        )

    one, other = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert one == other
    assert one.keys() == {"gong-call-ingest.cdx.json", "gong-call-ingest-image.cdx.json"}
