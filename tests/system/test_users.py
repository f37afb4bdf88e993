"""Users whom Gong will not take recordings of, named before the first of these is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from tests.recordings import make_call, write_jsonl
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario

FIRST_ID = 5_000_000_000_000_000_000
GOOD, NOT_ENABLED = str(FIRST_ID + 1), str(FIRST_ID + 10)
INACTIVE, UNKNOWN = "User.25@simulated-company.com", "jane@harbor-pine.com"
NOBODY = "is nobody's id or address in Gong; add the user or the address there, or correct it"
TOLD = [
    f"  3 recordings  {NOT_ENABLED} is not enabled for the import of telephony calls; enable it in Gong",
    f"  2 recordings  {INACTIVE.lower()} is not active in Gong; activate the user, or name another",
    f"  1 recording  {UNKNOWN} {NOBODY}",
]
WITHOUT = "The users were not looked at. "


def make_manifest(folder: Path) -> Path:
    """Write rows of four users, three of whom cannot have them, and one row that is refused itself."""
    users = [GOOD, GOOD, NOT_ENABLED, INACTIVE, NOT_ENABLED, UNKNOWN, INACTIVE, NOT_ENABLED]
    calls = [make_linked(number, user) for number, user in enumerate(users)]
    calls.append(make_linked(9, NOT_ENABLED, direction="Sideways"))
    manifest = folder / "calls.jsonl"
    write_jsonl(manifest, [{"call": call} for call in calls])
    return manifest


def make_linked(number: int, user: str, **overrides: Any) -> dict[str, Any]:
    fields = {
        "primaryUser": user,
        "parties": [{"userId": user}],
        "downloadMediaUrl": f"https://a.com/{number}",
    }
    return make_call(f"pbx-{number}", **(fields | overrides))


@scenario()
def test_check_names_them_and_asks_for_the_list_once(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    manifest, problems = make_manifest(folder), folder / "problems.csv"

    first = machine.run("check", manifest)
    again = machine.run("check", manifest, "--json", "--problems", problems)

    assert [line for line in first.stdout.splitlines() if line in TOLD] == TOLD
    assert "9 rows, 1 of them would be rejected." in first.stdout
    assert (first.code, first.stderr) == (again.code, again.stderr) == (3, "")
    *lines, summary = map(json.loads, again.stdout.splitlines())
    assert [
        (each["user"], each["standing"], each["recordings"]) for each in lines if each["type"] == "user"
    ] == [
        (NOT_ENABLED, "primary_user_not_enabled", 3),
        (INACTIVE.lower(), "user_inactive", 2),
        (UNKNOWN, "user_unknown", 1),
    ]
    assert summary["users"] == {
        "looked_at": True,
        "obstacle": None,
        "named": 4,
        "standings": {"primary_user_not_enabled": 1, "user_inactive": 1, "user_unknown": 1},
        "rows_beyond": 0,
    }
    with problems.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [(each["line"], each["severity"], each["code"]) for each in written] == [
        ("9", "error", "call_invalid"),
        ("", "warning", "primary_user_not_enabled"),
        ("", "warning", "user_inactive"),
        ("", "warning", "user_unknown"),
    ]
    assert simulator.record()["totals"] == {"users": {"200": 1}}


@scenario()
def test_backfill_names_them_before_it_hands_them_in_and_no_longer_those_whose_turn_is_over(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    manifest = make_manifest(folder)
    rows = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    write_jsonl(manifest, rows[:-1])

    finished = machine.run("backfill", manifest, "--strict", "--json")

    told = finished.stderr.splitlines()
    assert [line for line in told if line in TOLD] == TOLD
    document = finished.document
    assert (document["submitted"], document["done"], document["dead"]) == (8, 2, 6)
    # The worker had the list from the check.
    assert simulator.record()["totals"]["users"] == {"200": 1}

    machine.run("cancel", "calls", "--yes")
    last = json.loads(machine.run("check", manifest, "--json").stdout.splitlines()[-1])
    assert (last["known"], last["users"]["named"]) == (8, 0)


@scenario()
def test_without_a_key_everything_else_is_checked(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    manifest = make_manifest(folder)
    no_key = {"GONG_ACCESS_KEY": None, "GONG_ACCESS_KEY_SECRET": None}

    report = machine.run("check", manifest, settings=no_key)
    as_json = machine.run("check", manifest, "--json", settings=no_key)
    unasked = machine.run("check", manifest, "--no-users")

    (sentence,) = (line for line in report.stdout.splitlines() if line.startswith(WITHOUT.rstrip()))
    assert sentence.startswith(f"{WITHOUT}Not set: GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET")
    assert (report.code, report.stderr) == (3, "")
    summary = json.loads(as_json.stdout.splitlines()[-1])
    assert (summary["rows"], summary["users"]["looked_at"]) == (9, False)
    assert summary["users"]["obstacle"] == sentence.removeprefix(WITHOUT)
    assert WITHOUT.rstrip() in unasked.stdout.splitlines()
    assert not machine.data.exists()
    assert simulator.health()["requests"] == 0


@scenario()
def test_a_key_that_may_not_read_the_list_holds_nothing_up(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    manifest = make_manifest(folder)
    # The API's answer to a key that lacks the scope is the one to a key that is not its own.
    lacking = {"GONG_ACCESS_KEY_SECRET": "another"}

    report = machine.run("check", manifest, settings=lacking)
    gate = machine.run("gate", "show")

    (sentence,) = (line for line in report.stdout.splitlines() if line.startswith(WITHOUT))
    assert "api:users:read" in sentence
    assert (report.code, report.stderr) == (3, "")
    assert "9 rows, 1 of them would be rejected." in report.stdout
    assert gate.stdout == "The gate is open.\n"
