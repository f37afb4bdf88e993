"""What is written of a preflight. The names are a contract."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.cli.preflight.groups import Groups
from pipeline.cli.preflight.outlook import Outlook
from pipeline.cli.preflight.output import (
    USERS_SHOWN,
    Report,
    print_problems,
    print_report,
    print_users,
    problem_file,
    problem_of_user,
    summary,
)
from pipeline.cli.preflight.users import Users
from pipeline.errors import SettingsInvalid
from pipeline.forecast import Allowance
from pipeline.people import Standing, Surveyed
from pipeline.preflight import Finding, Totals

PROBLEM = Finding(3, "pbx-3", "id_twice", "clientUniqueId", 'stands in "line 2", already', 2)
WARNING = Finding(4, None, "media_short", "media", "The media 'a.wav' is short\n.")
AS_WRITTEN = {
    "line": 3,
    "first_line": 2,
    "severity": "error",
    "code": "id_twice",
    "client_unique_id": "pbx-3",
    "field": "clientUniqueId",
    "message": 'stands in "line 2", already',
}
MANIFEST = Path("calls.csv")
REFUSED = [
    Surveyed("jane@acme.com", Standing.UNKNOWN, 1200),
    Surveyed("7\x1b[31m", Standing.INACTIVE, 2),
    Surveyed("8", Standing.INACTIVE, 1),
]
USERS = Users(looked_at=True, named=9, refused=REFUSED, rows_beyond=3)
OUTLOOK = Outlook(2, 1, 3, Allowance(0, 3, 10_000, 10_000, used=7), queued=(5, 3))


def make_groups() -> Groups:
    groups = Groups()
    groups.add([PROBLEM, WARNING])
    return groups


def test_a_problem_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_problems([PROBLEM, WARNING])

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"type": "problem"} | AS_WRITTEN
    assert (second["severity"], second["client_unique_id"], second["first_line"]) == ("warning", None, None)


def test_the_summary_has_what_the_manifest_comes_to() -> None:
    found = summary(MANIFEST, Totals(9, 1, 2, 3, 4, 2, 1), make_groups(), USERS, OUTLOOK)

    assert {name: found[name] for name in found if not name.startswith("done_at")} == {
        "type": "summary",
        "manifest": "calls.csv",
        "rows": 9,
        "rejected": 1,
        "repeated": 2,
        "known": 3,
        "left_out": 4,
        "problems": {"id_twice": 1, "media_short": 1},
        "users": {
            "looked_at": True,
            "obstacle": None,
            "named": 9,
            "standings": {"user_unknown": 1, "user_inactive": 2},
            "rows_beyond": 3,
        },
        "recordings": 3,
        "requests": 5,
        "requests_queued": 8,
        "requests_today": 7,
        "requests_per_second": 3,
        "requests_per_day": 10_000,
    }
    assert found["done_at_with_links"] <= found["done_at"]


@pytest.mark.parametrize("name", ["problems.jsonl", "problems"])
def test_the_file_of_all_problems_is_json_lines(name: str, tmp_path: Path) -> None:
    with problem_file(tmp_path / name, MANIFEST) as write:
        write([PROBLEM])
        write([WARNING])

    lines = (tmp_path / name).read_text("utf-8").splitlines()
    assert json.loads(lines[0]) == AS_WRITTEN
    assert len(lines) == 2


def test_or_a_table_if_its_name_says_so(tmp_path: Path) -> None:
    with problem_file(tmp_path / "problems.CSV", MANIFEST) as write:
        write([PROBLEM, WARNING])

    with (tmp_path / "problems.CSV").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert first == {name: str(value) for name, value in AS_WRITTEN.items()}
    assert second["message"] == WARNING.message


def test_the_manifest_is_not_overwritten(tmp_path: Path) -> None:
    manifest = tmp_path / "calls.csv"
    manifest.write_text("x")
    (tmp_path / "link.csv").symlink_to(manifest)

    with (
        pytest.raises(SettingsInvalid, match="is the manifest itself"),
        problem_file(tmp_path / "link.csv", manifest),
    ):
        pass
    assert manifest.read_text() == "x"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(SettingsInvalid, match="cannot be written"),
        problem_file(tmp_path / "no" / "x", MANIFEST),
    ):
        pass


def report(*, terminal: bool, users: Users | None = None) -> str:
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, color_system=None, width=40, highlight=False)
    totals = Totals(9, 1, 0, 0, 0, 2, 1)
    print_report(Report(console), MANIFEST, totals, make_groups(), users or USERS, OUTLOOK)
    return output.getvalue()


def test_a_terminal_shows_no_line_that_is_wider() -> None:
    assert all(len(line) <= 40 for line in report(terminal=True).splitlines())


def test_a_pipe_gets_each_sentence_on_a_line_of_its_own() -> None:
    lines = report(terminal=False).splitlines()

    assert '      line 3 pbx-3: clientUniqueId: stands in "line 2", already' in lines
    assert "calls.csv: 9 rows, 1 of them would be rejected." in lines
    assert "3 new recordings, 5 requests." in lines


def test_users_are_told_with_their_recordings_those_with_most_first() -> None:
    lines = report(terminal=False).splitlines()

    at = lines.index("Gong will not take recordings of these users, as it has them now:")
    assert lines[at + 1 : at + 4] == [
        f"  1,200 recordings  {REFUSED[0].sentence}",
        "  2 recordings  7\\x1b[31m is not active in Gong; activate the user, or name another",
        "  1 recording  8 is not active in Gong; activate the user, or name another",
    ]
    assert "No more than 50,000 users were looked at; 3 rows name others as well." in lines


def test_of_many_users_some_are_told_and_the_rest_counted() -> None:
    refused = [Surveyed(str(number), Standing.UNKNOWN, 1) for number in range(USERS_SHOWN + 1001)]

    lines = report(terminal=False, users=Users(looked_at=True, refused=refused)).splitlines()

    assert sum("nobody's id" in line for line in lines) == USERS_SHOWN
    assert "  … and of 1,001 more users" in lines


def test_that_nobody_was_looked_at_is_told_with_the_reason() -> None:
    told = report(terminal=False, users=Users(obstacle="Not set: GONG_BASE_URL."))
    assert "The users were not looked at. Not set: GONG_BASE_URL.\n" in told

    assert "The users were not looked at.\n" in report(terminal=False, users=Users())


def test_a_user_is_a_json_line_and_a_problem_without_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_users(USERS)

    first, *_ = map(json.loads, capsys.readouterr().out.splitlines())
    as_problem = dict.fromkeys(AS_WRITTEN) | {
        "severity": "warning",
        "code": "user_unknown",
        "field": "",
        "message": f"{REFUSED[0].sentence} (1,200 recordings)",
    }
    own = {"user": "jane@acme.com", "standing": "user_unknown", "recordings": 1200}
    assert first == {"type": "user"} | as_problem | own
    with problem_file(tmp_path / "problems.jsonl", MANIFEST) as write:
        write(map(problem_of_user, REFUSED))
    written = json.loads((tmp_path / "problems.jsonl").read_text("utf-8").splitlines()[0])
    assert written == as_problem
