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
from pipeline.cli.preflight.output import Report, print_problems, print_report, problem_file, summary
from pipeline.errors import SettingsInvalid
from pipeline.forecast import Allowance
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
    found = summary(MANIFEST, Totals(9, 1, 2, 3, 4, 2, 1), make_groups(), OUTLOOK)

    assert {name: found[name] for name in found if not name.startswith("done_at")} == {
        "type": "summary",
        "manifest": "calls.csv",
        "rows": 9,
        "rejected": 1,
        "repeated": 2,
        "known": 3,
        "left_out": 4,
        "problems": {"id_twice": 1, "media_short": 1},
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


def report(*, terminal: bool) -> str:
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, color_system=None, width=40, highlight=False)
    print_report(Report(console), MANIFEST, Totals(9, 1, 0, 0, 0, 2, 1), make_groups(), OUTLOOK)
    return output.getvalue()


def test_a_terminal_shows_no_line_that_is_wider() -> None:
    assert all(len(line) <= 40 for line in report(terminal=True).splitlines())


def test_a_pipe_gets_each_sentence_on_a_line_of_its_own() -> None:
    lines = report(terminal=False).splitlines()

    assert '      line 3 pbx-3: clientUniqueId: stands in "line 2", already' in lines
    assert "calls.csv: 9 rows, 1 of them would be rejected." in lines
    assert "3 new recordings, 5 requests." in lines
